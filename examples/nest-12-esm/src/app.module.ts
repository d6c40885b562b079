import { Module } from '@nestjs/common';
import { NginxCacheModule } from 'nestjs-nginx-cache';
import { AppController } from './app.controller.js';
import { AppService } from './app.service.js';
import { pageCacheOptions } from './page-cache-options.js';

@Module({
  imports: [NginxCacheModule.forRootAsync({ useFactory: pageCacheOptions })],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
