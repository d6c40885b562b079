import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { PageCacheService } from 'nestjs-nginx-cache';
import { Repository } from 'typeorm';
import { PostsService } from '../posts/posts.service.js';
import type { CommentForm } from './comment-form.js';
import { Comment } from './comment.entity.js';

@Injectable()
export class CommentsService {
  constructor(
    @InjectRepository(Comment) private readonly comments: Repository<Comment>,
    private readonly posts: PostsService,
    private readonly pages: PageCacheService,
  ) {}

  async add(slug: string, { author, text }: CommentForm): Promise<Comment> {
    const post = await this.posts.bySlug(slug);
    const comment = await this.comments.save(this.comments.create({ author, text, post }));
    await this.pages.purge(comment);
    return comment;
  }

  async remove(id: number): Promise<Comment> {
    const comment = await this.comments.findOne({ where: { id }, relations: { post: true } });
    if (!comment) throw new NotFoundException('There is no such comment.');
    await this.comments.remove(comment);
    await this.pages.purge(comment);
    return comment;
  }
}
