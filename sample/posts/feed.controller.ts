import { Controller, Get, Header, Render } from '@nestjs/common';
import { settings } from '../settings.js';
import { htmlOf } from './markdown.js';
import { PostsService } from './posts.service.js';

@Controller('feed.xml')
export class FeedController {
  constructor(private readonly posts: PostsService) {}

  /** RSS 2.0 */
  @Get()
  @Header('Content-Type', 'application/rss+xml; charset=utf-8')
  @Render('feed')
  async feed() {
    const posts = await this.posts.all();
    return {
      layout: false,
      siteUrl: settings.siteUrl,
      items: posts.map((post) => ({
        title: post.title,
        url: settings.siteUrl + post.path,
        date: post.publishedAt.toUTCString(),
        html: htmlOf(post.body),
        tags: post.tags,
      })),
    };
  }
}
