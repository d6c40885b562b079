import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { PostsService } from '../posts/posts.service.js';
import type { CommentForm } from './comment-form.js';
import { Comment } from './comment.entity.js';

@Injectable()
export class CommentsService {
  constructor(
    @InjectRepository(Comment) private readonly comments: Repository<Comment>,
    private readonly posts: PostsService,
  ) {}

  /** @param userId of the reader, when one is logged in */
  async add(slug: string, { author, text }: CommentForm, userId: number | null): Promise<Comment> {
    const post = await this.posts.bySlug(slug);
    return this.comments.save(this.comments.create({ author, text, userId, post }));
  }

  countBy(userId: number): Promise<number> {
    return this.comments.countBy({ userId });
  }

  async remove(id: number): Promise<Comment> {
    const comment = await this.comments.findOne({ where: { id }, relations: { post: true } });
    if (!comment) throw new NotFoundException('There is no such comment.');
    return this.comments.remove(comment);
  }
}
