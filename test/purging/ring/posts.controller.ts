import { Controller, Get, Header, Param } from '@nestjs/common';
import { PageCache } from '../../../lib/index.js';

/** Pages that show a version. */
@Controller()
export class PostsController {
  static version = 1;

  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  @PageCache({ tags: ['posts'] })
  post(@Param('id') id: string) {
    return `post ${id}, version ${PostsController.version}`;
  }
}

/** So many that none of three servers is without any, wherever their random ports place them. */
export const POSTS: readonly string[] = Array.from({ length: 30 }, (_, id) => `/posts/${id}`);
