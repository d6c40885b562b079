import { Controller, Get } from '@nestjs/common';
import { PostsService } from './posts.service.js';

@Controller('api/posts')
export class PostsApiController {
  constructor(private readonly posts: PostsService) {}

  @Get()
  async list() {
    const posts = await this.posts.all();
    return posts.map(({ path, title, summary, tags, publishedAt, comments }) => ({
      path,
      title,
      summary,
      tags,
      publishedAt,
      comments: comments.length,
    }));
  }
}
