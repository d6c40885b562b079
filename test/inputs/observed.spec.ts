import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { Controller, Get, Header, Headers, Ip, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';
import type { INestApplication } from '@nestjs/common';

type Way = readonly [reason: string, read: (request: Asked) => unknown];
type Asked = IncomingMessage & { raw?: IncomingMessage; ip: string };

/** How code reads a request, and why the page is not stored then. */
const WAYS: Record<string, Way> = {
  'a name': ['reads-x-one', ({ headers }) => headers['x-one']],
  destructuring: ['reads-x-one', ({ headers: { 'x-one': one } }) => one],
  in: ['reads-x-one', (request) => 'x-one' in request.headers],
  'Object.hasOwn': ['reads-x-one', ({ headers }) => Object.hasOwn(headers, 'x-one')],
  'hasOwnProperty()': ['reads-x-one', ({ headers }) => Object.prototype.hasOwnProperty.call(headers, 'x-one')],
  'an absent field': ['reads-x-two', ({ headers }) => headers['x-two']],
  rest: ['reads-every-field', ({ headers: { cookie, ...rest } }) => [cookie, rest]],
  spread: ['reads-every-field', ({ headers }) => ({ ...headers })],
  'Object.keys': ['reads-every-field', ({ headers }) => Object.keys(headers)],
  'Object.entries': ['reads-every-field', ({ headers }) => Object.entries(headers)],
  'Object.assign': ['reads-every-field', ({ headers }) => Object.assign({}, headers)],
  'for … in': [
    'reads-every-field',
    ({ headers }) => {
      const names: string[] = [];
      for (const name in headers) names.push(name);
      return names;
    },
  ],
  'JSON.stringify': ['reads-every-field', ({ headers }) => JSON.stringify(headers)],
  'util.inspect': ['reads-every-field', ({ headers }) => inspect(headers)],
  'util.inspect of the request': ['reads-every-field', (request) => inspect(request.raw ?? request)],
  'new Headers': [
    'reads-every-field',
    ({ headers }) => new globalThis.Headers(headers as Record<string, string>).get('x-one'),
  ],
  rawHeaders: ['reads-every-field', (request) => (request.raw ?? request).rawHeaders.join()],
  headersDistinct: ['reads-every-field', (request) => JSON.stringify((request.raw ?? request).headersDistinct)],
  'socket.remoteAddress': ['reads-remote-address', ({ socket }) => socket.remoteAddress],
  'connection.remotePort': ['reads-remote-address', (request) => (request.raw ?? request).connection.remotePort],
  host: ['reads-host', ({ headers }) => headers.host],
};
const HARMLESS: Record<string, (request: Asked) => unknown> = {
  nothing: () => '',
  'what cannot be sent with a page': ({ headers }) => [
    headers.authorization,
    headers['if-none-match'],
    headers['x-api-key'],
  ],
  cookie: ({ headers }) => headers.cookie,
  'accept-encoding': ({ headers }) => headers['accept-encoding'],
  'names that no field has': ({ headers }) => [
    (headers as Record<string, unknown>)['toString'],
    headers['X-One'],
    headers.constructor,
  ],
};

@Controller()
class ReadsController {
  @Get('way/:way')
  @Header('content-type', 'text/html; charset=utf-8')
  way(@Req() request: Asked) {
    const way = decodeURIComponent((request as Asked & { params: { way: string } }).params.way);
    const read = WAYS[way]?.[1] ?? HARMLESS[way];
    return `<p>${JSON.stringify(read?.(request)) ?? ''}</p>`;
  }

  @Get('field')
  @Header('content-type', 'text/html; charset=utf-8')
  field(@Headers('X-One') one: string) {
    return `<p>${one}</p>`;
  }

  @Get('all')
  all(@Headers() all: object) {
    return all;
  }

  @Get('ip')
  @Header('content-type', 'text/html; charset=utf-8')
  ip(@Ip() ip: string) {
    return `<p>${ip}</p>`;
  }
}

describe.each(PLATFORMS)('what a page is made from, on %s', (platform) => {
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    ({ app, url } = await startApplication({ platform, controllers: [ReadsController], providers: [PageLog] }));
  });
  afterAll(() => app?.close());

  const ask = (target: string) =>
    answer(url + target, {
      headers: { 'x-one': 'secret-of-alice', cookie: '_ga=secret-of-alice', 'accept-encoding': 'evil, gzip' },
    });
  const outcome = async (target: string) => {
    const first = await ask(target);
    return { first, outcome: await app.get(PageLog).outcome(target) };
  };

  it.each(Object.entries(WAYS))('is noticed: %s', async (way, [reason]) => {
    const { outcome: why } = await outcome(`/way/${encodeURIComponent(way)}`);
    expect(why).toBe(reason);
  });

  it.each(Object.keys(HARMLESS))('is no reason: %s', async (way) => {
    const { outcome: why, first } = await outcome(`/way/${encodeURIComponent(way)}`);
    expect(why).toBe('stored');
    expect(first.body.toString()).not.toMatch(/alice|evil/);
  });

  it.each([
    ['/field', 'reads-x-one'],
    ['/all', 'reads-every-field'],
    ['/ip', platform === 'express' ? 'reads-x-forwarded-for' : 'reads-remote-address'],
  ])('is noticed in parameters of a handler: %s', async (target, reason) => {
    const first = await ask(target);
    expect(first.status).toContain(`detail=${reason}`);
  });
});
