import { Injectable } from '@nestjs/common';
import { eq } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import type { StalePages } from './stale-pages.js';

export const posts = pgTable('posts', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  slug: text().notNull().unique(),
  title: text().notNull(),
});
type Post = typeof posts.$inferSelect;

/** Every page that shows a post. */
const pathsOf = (post: Post): string[] => ['/', `/posts/${post.slug}`];

@Injectable()
export class PostsService {
  constructor(
    private readonly db: PgDatabase<PgQueryResultHKT>,
    private readonly stale: StalePages,
  ) {}

  async all(): Promise<Post[]> {
    // Before the query: a list that is empty shows posts, too.
    this.stale.tag('post');
    return this.db.select().from(posts);
  }

  async bySlug(slug: string): Promise<Post | undefined> {
    this.stale.tag('post');
    const found = await this.db.select().from(posts).where(eq(posts.slug, slug));
    return found[0];
  }

  add(values: typeof posts.$inferInsert): Promise<Post | undefined> {
    return this.stale.after(async () => {
      const added = await this.db.insert(posts).values(values).returning();
      await this.stale.add(added.flatMap(pathsOf));
      return added[0];
    });
  }

  change(id: number, values: Partial<Post>): Promise<Post | undefined> {
    return this.stale.after(() =>
      this.db.transaction(async (tx) => {
        // The old slug as well: its page must go.
        const before = await tx.select().from(posts).where(eq(posts.id, id)).for('update');
        const after = await tx.update(posts).set(values).where(eq(posts.id, id)).returning();
        await this.stale.add([...before, ...after].flatMap(pathsOf));
        return after[0];
      }),
    );
  }

  /** Every post: one tag instead of as many paths. */
  changeAll(values: Partial<Post>): Promise<void> {
    return this.stale.after(async () => {
      await this.db.update(posts).set(values);
      await this.stale.add([], ['post']);
    });
  }

  remove(id: number): Promise<void> {
    return this.stale.after(async () => {
      const removed = await this.db.delete(posts).where(eq(posts.id, id)).returning();
      await this.stale.add(removed.flatMap(pathsOf));
    });
  }
}
