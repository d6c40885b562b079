import { Module } from '@nestjs/common';
import { NginxCacheModule } from 'nestjs-nginx-cache';
import { AppController } from './app.controller';
import { AppService } from './app.service';
import { pageCacheOptions } from './page-cache-options';

@Module({
  imports: [NginxCacheModule.forRootAsync({ useFactory: pageCacheOptions })],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
