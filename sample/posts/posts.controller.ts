import { Controller, Get, Param, Query, Render } from '@nestjs/common';
import { htmlOf } from './markdown.js';
import { PageNumberPipe } from './page-number.pipe.js';
import { PostsService } from './posts.service.js';

@Controller()
export class PostsController {
  constructor(private readonly posts: PostsService) {}

  @Get()
  @Render('index')
  async index(@Query('page', PageNumberPipe) page: number) {
    const { posts, isLast } = await this.posts.page(page);
    return { posts, newer: page > 1 && addressOf(page - 1), older: !isLast && addressOf(page + 1) };
  }

  @Get('posts/:slug')
  @Render('post')
  async post(@Param('slug') slug: string) {
    const post = await this.posts.bySlug(slug);
    return { title: post.title, post, html: htmlOf(post.body) };
  }

  @Get('tags/:tag')
  @Render('tag')
  async tag(@Param('tag') tag: string) {
    return { title: `Posts about ${tag}`, tag, posts: await this.posts.tagged(tag) };
  }
}

function addressOf(page: number): string {
  return page === 1 ? '/' : `/?page=${page}`;
}
