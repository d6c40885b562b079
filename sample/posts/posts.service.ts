import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { PageCacheService } from 'nestjs-nginx-cache';
import { Repository } from 'typeorm';
import { Post } from './post.entity.js';
import { slugOf } from './slug.js';

const POSTS_PER_PAGE = 5;

export type PostText = Pick<Post, 'title' | 'summary' | 'body' | 'tags'>;

@Injectable()
export class PostsService {
  constructor(
    @InjectRepository(Post) private readonly posts: Repository<Post>,
    private readonly pages: PageCacheService,
  ) {}

  all(): Promise<Post[]> {
    return this.posts.find({ relations: { comments: true }, order: { publishedAt: 'DESC', id: 'DESC' } });
  }

  /** @param number counted from 1 */
  async page(number: number): Promise<{ posts: Post[]; isLast: boolean }> {
    const [posts, total] = await this.posts.findAndCount({
      relations: { comments: true },
      order: { publishedAt: 'DESC', id: 'DESC' },
      skip: (number - 1) * POSTS_PER_PAGE,
      take: POSTS_PER_PAGE,
    });
    if (!posts.length && number > 1) throw new NotFoundException('There is no such page.');
    return { posts, isLast: number * POSTS_PER_PAGE >= total };
  }

  async tagged(tag: string): Promise<Post[]> {
    const posts = (await this.all()).filter((post) => post.tags.includes(tag));
    if (!posts.length) throw new NotFoundException('No post has this tag.');
    return posts;
  }

  async bySlug(slug: string): Promise<Post> {
    return this.found(await this.posts.findOne({ where: { slug }, ...withComments }));
  }

  async byId(id: number): Promise<Post> {
    return this.found(await this.posts.findOne({ where: { id }, ...withComments }));
  }

  exists(): Promise<boolean> {
    return this.posts.exists();
  }

  async add(text: PostText, slug = slugOf(text.title) || 'post', publishedAt = new Date()): Promise<Post> {
    const taken = await this.posts.existsBy({ slug });
    const unique = taken ? `${slug}-${publishedAt.getTime().toString(36)}` : slug;
    const post = await this.posts.save(this.posts.create({ ...text, slug: unique, publishedAt }));
    await this.pages.purge(post);
    return post;
  }

  async change(id: number, text: PostText): Promise<Post> {
    const post = await this.byId(id);
    // The page of a tag that the post loses shows it until now.
    const before = post.dependentPaths();
    await this.posts.save(Object.assign(post, text));
    await this.pages.purge(...before, post);
    return post;
  }

  async remove(id: number): Promise<void> {
    const post = await this.byId(id);
    await this.posts.remove(post);
    await this.pages.purge(post);
  }

  private found(post: Post | null): Post {
    if (!post) throw new NotFoundException('There is no such post.');
    return post;
  }
}

const withComments = { relations: { comments: true }, order: { comments: { writtenAt: 'ASC', id: 'ASC' } } } as const;
