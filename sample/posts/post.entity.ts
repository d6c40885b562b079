import type { DependentPaths } from 'nestjs-nginx-cache';
import { Column, Entity, OneToMany, PrimaryGeneratedColumn } from 'typeorm';
import { Comment } from '../comments/comment.entity.js';

@Entity()
export class Post implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  /** Made from the first title and then kept: an address is for good. */
  @Column('text', { unique: true })
  slug!: string;

  @Column('text')
  title!: string;

  @Column('text')
  summary!: string;

  /** Markdown. */
  @Column('text')
  body!: string;

  @Column('simple-array')
  tags!: string[];

  @Column('datetime')
  publishedAt!: Date;

  @OneToMany(() => Comment, (comment) => comment.post, { cascade: ['remove'] })
  comments!: Comment[];

  get path(): string {
    return `/posts/${this.slug}`;
  }

  /** Every page that shows something of this post; of `/`, every `?page=` too. */
  dependentPaths(): string[] {
    return [this.path, '/', ...this.tags.map((tag) => `/tags/${tag}`), '/feed.xml', '/api/posts'];
  }
}
