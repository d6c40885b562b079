import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { PageCacheTypeOrmModule } from 'nestjs-nginx-cache/typeorm';
import { PostsModule } from '../posts/posts.module.js';
import { Comment } from './comment.entity.js';
import { CommentsController } from './comments.controller.js';
import { CommentsService } from './comments.service.js';
import { UserBarController } from './user-bar.controller.js';

@Module({
  imports: [TypeOrmModule.forFeature([Comment]), PageCacheTypeOrmModule.forFeature([Comment]), PostsModule],
  controllers: [CommentsController, UserBarController],
  providers: [CommentsService],
  exports: [CommentsService],
})
export class CommentsModule {}
