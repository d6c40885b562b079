import { Body, Controller, HttpStatus, Param, Post, Redirect, Session } from '@nestjs/common';
import type { SessionData } from 'express-session';
import { CommentForm } from './comment-form.js';
import { CommentsService } from './comments.service.js';

@Controller('posts/:slug/comments')
export class CommentsController {
  constructor(private readonly comments: CommentsService) {}

  @Post()
  @Redirect('/', HttpStatus.SEE_OTHER)
  async add(
    @Param('slug') slug: string,
    @Body({ schema: CommentForm }) form: CommentForm,
    @Session() { user }: Partial<SessionData>,
  ) {
    const { id, post } = await this.comments.add(slug, form, user?.id ?? null);
    return { url: `${post.path}#comment-${id}` };
  }
}
