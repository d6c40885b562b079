import type { DependentPaths } from 'nestjs-nginx-cache';
import { Column, CreateDateColumn, Entity, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import type { Post } from '../posts/post.entity.js';

@Entity()
export class Comment implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  author!: string;

  @Column('text')
  text!: string;

  /** Who was logged in when writing it. */
  @Column('integer', { nullable: true })
  userId!: number | null;

  @CreateDateColumn()
  writtenAt!: Date;

  @ManyToOne<Post>('Post', (post) => post.comments, { nullable: false })
  post!: Relation<Post>;

  /** Lists of posts, feed and API give the number of comments. */
  dependentPaths(): string[] {
    return this.post.dependentPaths();
  }
}
