import { Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { NginxCacheModule } from 'nestjs-nginx-cache';
import { AdminModule } from './admin/admin.module.js';
import { AuthModule } from './auth/auth.module.js';
import { CommentsModule } from './comments/comments.module.js';
import { DatabaseModule } from './database.module.js';
import cache from './nginx-cache.config.js';
import { PostsModule } from './posts/posts.module.js';
import { SeedModule } from './seed/seed.module.js';
import { ErrorPageFilter } from './web/error-page.filter.js';
import { formValidation } from './web/form-validation.js';

@Module({
  imports: [
    NginxCacheModule.forRoot(cache),
    DatabaseModule,
    AuthModule,
    PostsModule,
    CommentsModule,
    AdminModule,
    SeedModule,
  ],
  providers: [
    { provide: APP_PIPE, useValue: formValidation },
    { provide: APP_FILTER, useClass: ErrorPageFilter },
  ],
})
export class AppModule {}
