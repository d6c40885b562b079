import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, Param, Query, Req, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { CurrentPage, FragmentPage, type PageDraft, PageFragment, pageFragment } from '../../lib/index.js';
import { EVIL } from './fragment-pages.controller.js';
import { raw } from './raw-response.js';

type Wrapped<T> = T | { raw: T };

const HTML = 'text/html; charset=utf-8';

function cookieOf(request: Wrapped<IncomingMessage>): string {
  return ('raw' in request ? request.raw.headers : request.headers).cookie ?? 'nobody';
}

/** Pages with fragments that are the same for everybody, and how often each handler was called. */
@Controller()
export class SharedFragmentsController {
  static readonly calls = new Map<string, number>();
  /** What the fragments say. */
  static version = 1;

  private count(handler: string): number {
    const calls = (SharedFragmentsController.calls.get(handler) ?? 0) + 1;
    SharedFragmentsController.calls.set(handler, calls);
    return calls;
  }

  @Get(['with/fragment/:name', 'undeclared/:name'])
  @Header('content-type', HTML)
  page(@Param('name') name: string, @Query('page') page?: string) {
    this.count(`page ${name}`);
    return `<p>${page ?? ''}${pageFragment(name, {}, { fallback: '<em>fallback</em>' })}</p>`;
  }

  @Get('with/params/:text')
  @Header('content-type', HTML)
  params(@Param('text') text: string) {
    const odd = `${text}/../?&=,:%"-->\r\nö$uri<!--#`;
    return `[${pageFragment('shows', { odd, b: 2 })}|${pageFragment('shows', { b: 2, odd })}]`;
  }

  @PageFragment({ name: 'news', shared: true, tags: ['news'], ttl: 0 })
  @Header('content-type', HTML)
  news(@Req() request: Wrapped<IncomingMessage>) {
    return `<b>news ${SharedFragmentsController.version}, ${this.count('news')}, ${cookieOf(request)}</b>${EVIL}`;
  }

  @PageFragment({ name: 'shows', shared: true, ttl: 60_000 })
  @Header('content-type', HTML)
  shows(@Query() query: Record<string, string>, @FragmentPage() page: string, @CurrentPage() draft: PageDraft) {
    draft.tag(`shows:${query['b']}`);
    return `<i>${JSON.stringify([query['odd'], query['b'], page])} ${this.count('shows')}</i>`;
  }

  @PageFragment({ name: 'outer', shared: true, tags: ['outer'] })
  @Header('content-type', HTML)
  outer() {
    this.count('outer');
    return `(${pageFragment('inner')}${pageFragment('cookie')}${pageFragment('unknown', {}, { fallback: 'none' })}${EVIL})`;
  }

  @PageFragment({ name: 'inner', shared: true, tags: ['inner'] })
  @Header('content-type', HTML)
  inner() {
    return `inner ${this.count('inner')}`;
  }

  @PageFragment({ name: 'endless', shared: true })
  @Header('content-type', HTML)
  endless() {
    return `.${pageFragment('endless')}`;
  }

  @PageFragment('cookie')
  @Header('content-type', HTML)
  cookie(@Req() request: Wrapped<IncomingMessage>) {
    return `<u>${cookieOf(request)}</u>`;
  }

  @PageFragment({ name: 'sets-cookie', shared: true })
  @Header('content-type', HTML)
  @Header('set-cookie', 'a=b')
  setsCookie(@Req() request: Wrapped<IncomingMessage>) {
    return `made for ${cookieOf(request)}`;
  }

  @PageFragment({ name: 'throws', shared: true })
  throws() {
    throw new Error('part of an error page');
  }

  @PageFragment({ name: 'json', shared: true })
  json() {
    return { not: 'html' };
  }

  @PageFragment({ name: 'missing', shared: true })
  missing(@Res() reply: Wrapped<ServerResponse>) {
    raw(reply).writeHead(404, { 'Content-Type': HTML }).end('part of an error page');
  }

  @PageFragment({ name: 'created', shared: true })
  created(@Res() reply: Wrapped<ServerResponse>) {
    raw(reply).writeHead(201, { 'Content-Type': HTML }).end('created');
  }
}
