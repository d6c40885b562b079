import { Controller, Get, Header, Param } from '@nestjs/common';
import { PageCache } from '../../../lib/index.js';

/** What an attacker would put into an address and into a tag. */
export const ATTACK = '<img src=x onerror=alert(1)>';

@Controller()
export class DashboardPagesController {
  @Get('posts/:id')
  @PageCache({ tags: ['posts', ATTACK] })
  @Header('content-type', 'text/html; charset=utf-8')
  post(@Param('id') id: string) {
    return `<h1>${id}</h1><script>alert(2)</script>`;
  }

  @Get('basket')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('set-cookie', 'basket=1')
  basket() {
    return '<p>basket';
  }
}
