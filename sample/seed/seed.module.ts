import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { PostsModule } from '../posts/posts.module.js';
import { SeedService } from './seed.service.js';

@Module({ imports: [AuthModule, PostsModule], providers: [SeedService] })
export class SeedModule {}
