// What blocks of code in the guides use without importing it: what an editor would import, and names of an imagined blog.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { PGlite } from '@electric-sql/pglite';
import type KeyvRedis from '@keyv/redis';
import type { Repository } from 'typeorm';
import type { memcachePp, NginxCacheOptions, NginxDeployment, PageCacheService } from '../../lib/index.js';
import type { NginxServer } from '../../lib/testing/index.js';
import type { StalePages } from '../recipes/stale-pages.js';

export { createReadStream, readFileSync, writeFileSync } from 'node:fs';
export { join } from 'node:path';
export * from '@keyv/redis';
export { default as KeyvRedis } from '@keyv/redis';
export { expect } from 'vitest';
export * from '@nestjs/common';
export { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
export * from '@nestjs/typeorm';
export { Keyv } from 'keyv';
export { DataSource, Entity, ViewEntity, type Repository } from 'typeorm';
export { CacheInterceptor } from '@nestjs/cache-manager';
export { Args, Mutation, Resolver } from '@nestjs/graphql';
export { ThrottlerGuard } from '@nestjs/throttler';
export { NestFactory } from '@nestjs/core';
export type { NestExpressApplication } from '@nestjs/platform-express';
export type { Response } from 'express';
export * from '../../lib/index.js';
export * from '../../lib/testing/index.js';
export * from '../../lib/typeorm/index.js';

export interface Author {
  readonly path: string;
}

export interface Tag {
  readonly path: string;
}

export class Post {
  slug!: string;
  dependentPaths(): string[] {
    return ['/', `/posts/${this.slug}`];
  }
}

export class Comment {
  postId!: number;
}

export interface StoredPost {
  readonly id: number;
  readonly slug: string;
}

export declare const config: NginxCacheOptions;
export declare const options: NginxCacheOptions;
export declare const deployment: NginxDeployment;
/** An address for nginx, or the application. */
export declare const app: string & NestFastifyApplication;
export declare const pages: PageCacheService;
export declare const post: Post;
export declare const nginx: NginxServer;
/** Of memcache-pp. */
export declare const client: Parameters<typeof memcachePp>[0];
/** Of Keyv. */
export declare const adapter: KeyvRedis<unknown>;

export class Product {}

export class HttpThrottlerGuard {
  canActivate = () => true;
}

export class LocaleGuard {
  canActivate = () => true;
}

export class AppModule {}

export class MyListener {}

export class MyStatusListener {}

/** What the members in a block of `ts members` find in their class. */
export class Fields {
  readonly posts!: Repository<Post>;
  readonly pages!: PageCacheService;
  readonly stale!: StalePages;
  readonly database!: PGlite;
}
