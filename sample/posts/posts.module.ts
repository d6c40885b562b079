import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { PageCacheTypeOrmModule } from 'nestjs-nginx-cache/typeorm';
import { FeedController } from './feed.controller.js';
import { Post } from './post.entity.js';
import { PostsApiController } from './posts-api.controller.js';
import { PostsController } from './posts.controller.js';
import { PostsService } from './posts.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Post]), PageCacheTypeOrmModule.forFeature([Post])],
  controllers: [PostsController, FeedController, PostsApiController],
  providers: [PostsService],
  exports: [PostsService],
})
export class PostsModule {}
