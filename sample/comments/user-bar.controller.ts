import { Controller, Query, Render, Session } from '@nestjs/common';
import type { SessionData } from 'express-session';
import { FragmentPage, PageFragment } from 'nestjs-nginx-cache';
import { CommentsService } from './comments.service.js';

@Controller()
export class UserBarController {
  constructor(private readonly comments: CommentsService) {}

  /** What a page says to each of its readers. All the rest of the page is the same for everybody. */
  @PageFragment('user-bar')
  @Render('user-bar')
  async userBar(@Session() { user }: Partial<SessionData>, @FragmentPage() page: string, @Query('post') post?: string) {
    return { layout: false, page, post, user, comments: user && (await this.comments.countBy(user.id)) };
  }
}
