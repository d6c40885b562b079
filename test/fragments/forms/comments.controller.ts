import { Body, Controller, Get, Header, Param, Post, Redirect, Req, Session, UseGuards } from '@nestjs/common';
import type { Request } from 'express';
import { PageFragment, pageFragment } from 'nestjs-nginx-cache';
import { CsrfGuard, generateToken } from './csrf.guard.js';

@Controller()
export class CommentsController {
  readonly comments: string[] = [];

  @Post('login')
  @Redirect('/posts/1', 303)
  login(@Session() session: { name?: string }, @Req() request: Request, @Body('name') name: string) {
    session.name = name;
    generateToken(request);
  }

  /** Stored once, for everybody. */
  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  post(@Param('id') id: string) {
    const token = pageFragment('csrf-token', {}, { fallback: '<a href="/login">Log in to write a comment</a>' });
    return `<form method="post" action="/posts/${id}/comments"><textarea name="text"></textarea>${token}</form>`;
  }

  @PageFragment('csrf-token')
  @Header('content-type', 'text/html; charset=utf-8')
  csrfToken(@Session() session: { name?: string }, @Req() request: Request) {
    if (!session.name) return '';
    return `<input type="hidden" name="_csrf" value="${generateToken(request)}"><button>Send</button>`;
  }

  @Post('posts/:id/comments')
  @UseGuards(CsrfGuard)
  @Redirect('/', 303)
  comment(@Param('id') id: string, @Body('text') text: string) {
    this.comments.push(text);
    return { url: `/posts/${id}` };
  }
}
