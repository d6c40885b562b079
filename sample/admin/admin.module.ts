import { Module } from '@nestjs/common';
import { CommentsModule } from '../comments/comments.module.js';
import { PostsModule } from '../posts/posts.module.js';
import { AdminController } from './admin.controller.js';

@Module({ imports: [PostsModule, CommentsModule], controllers: [AdminController] })
export class AdminModule {}
