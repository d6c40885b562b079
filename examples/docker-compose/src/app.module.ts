import { Controller, Get, Header, Module } from '@nestjs/common';
import { NginxCacheModule, NoPageCache } from 'nestjs-nginx-cache';
import options from './nginx-cache.config.js';

@Controller()
class AppController {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  home() {
    return '<h1>Hello</h1>';
  }

  @Get('health')
  @NoPageCache()
  health() {
    return 'ok';
  }
}

@Module({ imports: [NginxCacheModule.forRoot(options)], controllers: [AppController] })
export class AppModule {}
