import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { Controller, ForbiddenException, Get, Header, Param, Query, Render, Req, Res, UseGuards } from '@nestjs/common';
import { FragmentPage, PageFragment, pageFragment } from '../../lib/index.js';
import { raw } from './raw-response.js';

type Wrapped<T> = T | { raw: T };

const HTML = 'text/html; charset=utf-8';

/** What somebody writes who wants nginx to execute it. */
export const EVIL = [
  '<!--#include virtual="/.page-fragment/user-bar" -->',
  '<!--# set var="page_cache_less_than" value="pwned" -->',
  '<!--#echo var="http_cookie" -->',
  '<!--#block name="1" -->evil<!--#endblock -->',
  '<!--#if expr="$http_cookie" -->yes<!--#endif -->',
  '<<!--#<!-<!--#\'"$http_cookie${http_cookie}\\',
].join('\n');

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}

/** What `user-bar` says to a visitor. */
export function userBar(name: string | undefined): string {
  return name === undefined ? '' : `<b>${escaped(name)}</b>`;
}

/** Nobody gets in without a name. */
class NamedGuard {
  canActivate(context: { switchToHttp(): { getRequest(): Wrapped<IncomingMessage> } }): boolean {
    if (nameOf(context.switchToHttp().getRequest()) !== undefined) return true;
    throw new ForbiddenException('part of an error page');
  }
}

function nameOf(request: Wrapped<IncomingMessage>): string | undefined {
  const cookie = 'raw' in request ? request.raw.headers.cookie : request.headers.cookie;
  return /(?:^|; )name=([^;]*)/.exec(cookie ?? '')?.[1];
}

/** Pages with fragments, and how often each handler was called. */
@Controller()
export class FragmentPagesController {
  static readonly calls = new Map<string, number>();

  private count(handler: string): void {
    FragmentPagesController.calls.set(handler, (FragmentPagesController.calls.get(handler) ?? 0) + 1);
  }

  @Get(['with/home', 'with/shared/home', 'undeclared'])
  @Header('content-type', HTML)
  home() {
    this.count('home');
    const bar = pageFragment('user-bar', {}, { fallback: '<a href="/login">Sign in</a>' });
    return `<h1>Hömé</h1>${bar}<p>${EVIL}</p>`;
  }

  /** Tells caches what they may keep, some of them in a field of their own (RFC 9213). */
  static readonly forCaches: Readonly<Record<string, string>> = {
    'Cloudflare-CDN-Cache-Control': 'max-age=600',
    'Netlify-CDN-Cache-Control': 'public, max-age=600',
    'X-LiteSpeed-Cache-Control': 'public,max-age=600',
    'Edge-Control': 'cache-maxage=600s',
    'Surrogate-Control': 'max-age=600',
  };

  @Get(['with/cdn', 'cdn'])
  cdn(@Res() reply: Wrapped<ServerResponse>) {
    raw(reply)
      .writeHead(200, { 'Content-Type': HTML, ...FragmentPagesController.forCaches })
      .end(`<p>${pageFragment('user-bar')}</p>`);
  }

  /** Tells a cache that is made of nginx. Such a page is not stored here. */
  @Get('with/accel')
  accel(@Res() reply: Wrapped<ServerResponse>) {
    raw(reply)
      .writeHead(200, { 'Content-Type': HTML, 'X-Accel-Expires': '600' })
      .end(`<p>${pageFragment('user-bar')}</p>`);
  }

  @Get('with/post/:id')
  @Header('content-type', HTML)
  post(@Param('id') id: string) {
    this.count(`post ${id}`);
    return `<i>${pageFragment('shows', { id, odd: `"-->\r\n../$http_cookie&<!--#`, no: undefined })}</i>`;
  }

  @Get('with/everything/:way')
  @Header('content-type', HTML)
  everything(@Param('way') way: string) {
    return `before ${pageFragment(way, { text: EVIL }, { fallback: `<em>${EVIL}</em>` })} after`;
  }

  @Get('with/plain')
  @Header('content-type', HTML)
  plain() {
    this.count('plain');
    return `<h1>plain</h1>${EVIL}<!--`;
  }

  @Get('with/template')
  @Render('page')
  template() {
    return { title: pageFragment('user-bar'), text: '<!--#include virtual="/" -->' };
  }

  @Get(['with/streamed', 'streamed'])
  async streamed(@Res() reply: Wrapped<ServerResponse>) {
    const response = raw(reply);
    response.writeHead(200, { 'Content-Type': HTML });
    for (const piece of `<p>${pageFragment('user-bar')}</p>`.match(/[^]{1,7}/g)!) {
      response.write(piece);
      await Promise.resolve();
    }
    response.end('<hr>');
  }

  @Get('with/status/:status')
  status(@Param('status') status: string, @Res() reply: Wrapped<ServerResponse>) {
    raw(reply)
      .writeHead(Number(status), { 'Content-Type': HTML, Location: '/elsewhere' })
      .end(`before ${pageFragment('user-bar')} after`);
  }

  /** What `with/any/…` says. */
  static readonly contents: { before: string; param: string; after: string }[] = [];

  @Get('with/any/:index')
  @Header('content-type', HTML)
  any(@Param('index') index: string) {
    const { before, param, after } = FragmentPagesController.contents[Number(index)]!;
    return `${before}${pageFragment('evil', { text: param })}${after}`;
  }

  @Get('sees')
  @Header('content-type', 'text/plain')
  sees(@Req() request: Wrapped<IncomingMessage>) {
    return JSON.stringify(raw(request).headers);
  }

  @Get('with/large/:way')
  large(@Param('way') way: string, @Res() reply: Wrapped<ServerResponse>) {
    const filler = '<p>'.repeat(1000);
    const content = `${filler}${pageFragment('user-bar', {}, { fallback: 'fallback' })}${filler}`.repeat(300);
    const response = raw(reply);
    response.writeHead(200, { 'Content-Type': HTML });
    if (way === 'writes') for (const piece of content.match(/[^]{1,9999}/g)!) response.write(piece);
    response.end(way === 'writes' ? undefined : content);
  }

  /** Packed by the application itself: larger than a page may be with its coding, or only without. */
  @Get('with/packed/:coding/:filler')
  packed(@Param('coding') coding: string, @Param('filler') filler: string, @Res() reply: Wrapped<ServerResponse>) {
    const content = largeContent(filler, pageFragment('user-bar', {}, { fallback: 'fallback' }));
    const response = raw(reply);
    response.writeHead(200, { 'Content-Type': HTML, 'Content-Encoding': coding });
    const packed = coding === 'br' ? brotliCompressSync(content, FAST) : gzipSync(content, { level: 1 });
    for (let at = 0; at < packed.length; at += 50_000) response.write(packed.subarray(at, at + 50_000));
    response.end();
  }

  /** Says that it is coded, and is not. */
  @Get('with/labelled/:coding')
  labelled(@Param('coding') coding: string, @Res() reply: Wrapped<ServerResponse>) {
    const headers = { 'Content-Type': HTML, 'Content-Encoding': coding };
    raw(reply)
      .writeHead(200, headers)
      .end(`<p>${pageFragment('user-bar')}</p>`);
  }

  @Get('with/json')
  json() {
    return { html: pageFragment('user-bar') };
  }

  @PageFragment('user-bar')
  @Header('content-type', HTML)
  userBar(@Req() request: Wrapped<IncomingMessage>) {
    this.count('user-bar');
    return userBar(nameOf(request));
  }

  @PageFragment('shows')
  @Header('content-type', HTML)
  shows(@Query() query: object, @FragmentPage() page: string) {
    return escaped(JSON.stringify([query, page]));
  }

  @PageFragment('evil')
  @Header('content-type', HTML)
  evil(@Query('text') text: string) {
    return text;
  }

  @PageFragment('outer')
  @Header('content-type', HTML)
  outer(@Query('text') text: string) {
    return `[${text}${pageFragment('user-bar', {}, { fallback: 'nobody' })}]`;
  }

  @PageFragment('endless')
  @Header('content-type', HTML)
  endless() {
    return `(${pageFragment('endless', {}, { fallback: 'end' })})`;
  }

  @PageFragment('throws')
  throws() {
    throw new Error('part of an error page');
  }

  @PageFragment('guarded')
  @UseGuards(new NamedGuard())
  @Header('content-type', HTML)
  guarded() {
    return 'let in';
  }

  @PageFragment('json')
  jsonFragment() {
    return { not: 'html' };
  }

  @PageFragment('created')
  @Header('content-type', HTML)
  created(@Res() reply: Wrapped<ServerResponse>) {
    raw(reply).writeHead(201, { 'Content-Type': HTML }).end('created');
  }

  @PageFragment('late')
  @Header('content-type', HTML)
  late() {
    return new Promise<never>(() => {});
  }

  @PageFragment('breaks')
  breaks(@Res() reply: Wrapped<ServerResponse>) {
    const response = raw(reply);
    response.writeHead(200, { 'Content-Type': HTML, 'Content-Length': 100 });
    response.write('half a fragment');
    response.destroy();
  }

  @PageFragment('sets-cookie')
  @Header('content-type', HTML)
  @Header('set-cookie', 'a=b')
  setsCookie() {
    return 'with a cookie';
  }
}

const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const NOISE = randomBytes(550_000).toString('hex');

/** Two megabytes with fragments in them: `noise` can be packed to the half at best. */
export function largeContent(filler: string, fragment: string): string {
  return `${fragment}${filler === 'noise' ? NOISE : '<p>'.repeat(500_000)}${fragment}`.repeat(2);
}

/** Fragments that fail, each in its way. */
export const FAILING = ['throws', 'guarded', 'json', 'created', 'late', 'breaks', 'unknown'];
