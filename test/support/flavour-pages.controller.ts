import { createHash } from 'node:crypto';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { raw } from './raw-response.js';

type Wrapped<T> = T | { raw: T };

const HTML = 'text/html; charset=utf-8';

/** Header fields that are not easily kept. Node takes one UTF-16 unit a byte. */
export const ODD_FIELDS: [string, string][] = [
  ['X-Zuerst', 'first in order'],
  ['x-lower-CASE', 'mixed'],
  ['Link', '</a.css>; rel=preload'],
  ['Link', '</b.js>; rel=preload'],
  ['X-Latin1', 'caf\xe9 \xff\x80'],
  ['X-Utf8', Buffer.from('Käse 😀').toString('latin1')],
  ['X-Like-A-Header', 'HTTP/1.1 200 OK: x, a: b'],
  ['X-Long', 'long '.repeat(300).trim()],
  ['Content-Language', 'de'],
  ['Cache-Control', 'public, max-age=60'],
];

/** Pages that show what a flavour keeps. */
@Controller()
export class FlavourPagesController {
  static readonly calls = new Map<string, number>();

  @Get('query')
  query(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>, @Query('page') page = 'none') {
    this.send(request, reply, 200, [['Content-Type', HTML]], `<h1>page ${page}</h1>`);
  }

  @Get('json')
  json(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    const text = JSON.stringify({ words: Array.from({ length: 500 }, (_, index) => `wörd${index}`) });
    this.send(request, reply, 200, [['Content-Type', 'application/json; charset=utf-8']], text);
  }

  @Get('feed')
  feed(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    this.send(request, reply, 200, [['Content-Type', 'application/rss+xml']], '<rss version="2.0"><channel/></rss>');
  }

  @Get('odd')
  odd(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    this.send(request, reply, 200, [['Content-Type', HTML], ...ODD_FIELDS], '<h1>odd</h1>'.repeat(200));
  }

  @Get('validated')
  validated(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    const own: [string, string][] = [
      ['ETag', '"own, with a comma"'],
      ['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ];
    this.send(request, reply, 200, [['Content-Type', HTML], ...own], '<h1>validated</h1>');
  }

  /** Content that gzip cannot make smaller, and looks like an answer of memcached at its start and end. */
  @Get('incompressible')
  incompressible(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    const noise = Array.from({ length: 28_000 }, (_, index) => createHash('sha256').update(`${index}`).digest());
    const body = Buffer.concat([Buffer.from('HTTP/1.1 404 No\r\n\r\nEND\r\n'), ...noise, Buffer.from('\r\nEND\r\n')]);
    this.send(request, reply, 200, [['Content-Type', HTML]], body);
  }

  @Get('compressible')
  compressible(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    this.send(request, reply, 200, [['Content-Type', HTML]], '<p>ö0123456789</p>'.repeat(47_000));
  }

  @Get('moved')
  moved(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    this.send(
      request,
      reply,
      301,
      [
        ['Location', '/query'],
        ['Content-Type', HTML],
      ],
      '<a href="/query">moved ö</a>',
    );
  }

  @Get('moved-for-good')
  movedForGood(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    this.send(
      request,
      reply,
      308,
      [
        ['Location', 'https://example.com/'],
        ['Content-Type', 'text/plain'],
      ],
      'moved',
    );
  }

  @Get('missing')
  missing(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    this.send(request, reply, 404, [['Content-Type', HTML]], '<h1>there is nothing</h1>'.repeat(100));
  }

  @Get('gone')
  gone(@Req() request: Wrapped<IncomingMessage>, @Res() reply: Wrapped<ServerResponse>) {
    this.send(request, reply, 410, [['Content-Type', HTML]], '<h1>gone</h1>');
  }

  private send(
    request: Wrapped<IncomingMessage>,
    reply: Wrapped<ServerResponse>,
    status: number,
    fields: readonly [string, string][],
    body: string | Buffer,
  ): void {
    const target = raw(request).url ?? '';
    FlavourPagesController.calls.set(target, (FlavourPagesController.calls.get(target) ?? 0) + 1);
    raw(reply).writeHead(status, fields.flat()).end(body);
  }
}
