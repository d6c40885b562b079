import { once } from 'node:events';
import { connect } from 'node:http2';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { expect, it } from 'vitest';
import { memoryStore } from '../../lib/index.js';
import { RawClient, type RawResponse } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { describeWholeResponses, values, type WholeResponseSite } from '../rfc/support/whole-responses.js';

const LATIN1 = 'caf\xe9';
const UTF8 = Buffer.from('café').toString('latin1');

const WAYS: [string, (response: ServerResponse) => unknown][] = [
  ['flushHeaders() and bytes', (response) => (response.flushHeaders(), response.end(Buffer.from('abc')))],
  ['flushHeaders() and a text', (response) => (response.flushHeaders(), response.end('abc'))],
  ["write('') and a text", (response) => (response.write(''), response.write('abc'), response.end())],
  ["write('') and bytes", (response) => (response.write(''), response.end(Buffer.from('abc')))],
  ['a length, no bytes, then a text', (response) => (lengthOf3(response).write(Buffer.alloc(0)), response.end('abc'))],
  ["a length, write('') and bytes", (response) => (lengthOf3(response).write(''), response.end(Buffer.from('abc')))],
  ['a text', (response) => response.end('abc')],
  ["a text, in the coding ''", (response) => response.end('abc', '' as never)],
  ['pieces of text', (response) => (response.write('abc'), response.end('def'))],
  ['a length and pieces of text', (response) => (lengthOf3(response).write('ab'), response.end('c'))],
  ['writeHead() and a text', (response) => (response.writeHead(200), response.end('abc'))],
  ['a text and a trailer', (response) => response.setHeader('Trailer', 'X-A').end('abc')],
  ['a text in latin1', (response) => response.end('abc', 'latin1')],
  [
    'a text, after cork()',
    (response) => (response.cork(), response.write('abc'), response.end('def'), response.uncork()),
  ],
];

function lengthOf3(response: ServerResponse): ServerResponse {
  return response.setHeader('Content-Length', 3);
}

/** What Node sends without Nest and without this module. */
async function fromNode(answer: (response: ServerResponse) => void): Promise<RawResponse> {
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new RawClient((server.address() as AddressInfo).port);
  try {
    return await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  } finally {
    client.close();
    server.close();
  }
}

function tests(site: () => WholeResponseSite): void {
  it.each(WAYS)('has on a miss and on a hit the bytes that Node sends: %s', async (_, send) => {
    const answer = (response: ServerResponse) => {
      response.setHeader('Content-Type', 'text/html').setHeader('X-Latin1', LATIN1).setHeader('X-Utf8', UTF8);
      send(response);
    };
    const control = await fromNode(answer);
    const target = site().answers.add(answer);
    const { first, second, outcome } = await site().twice(target);
    expect(outcome).toBe('stored');
    expect(site().isHit(second)).toBe(true);
    for (const response of [first, second]) {
      for (const name of ['x-latin1', 'x-utf8']) expect(values(response, name)).toEqual(values(control, name));
      expect(response.body).toEqual(control.body);
    }
  });

  it.each([
    ['end()', (response: ServerResponse) => response.end()],
    ["end('')", (response: ServerResponse) => response.end('')],
    ['end() of no bytes', (response: ServerResponse) => response.end(Buffer.alloc(0))],
    ['flushHeaders() and end()', (response: ServerResponse) => (response.flushHeaders(), response.end())],
  ])('of a redirect, too: %s', async (_, send) => {
    const target = site().answers.add((response) => send(response.writeHead(301, { Location: `/${LATIN1}` })));
    const { first, second, outcome } = await site().twice(target);
    expect(outcome).toBe('stored');
    expect(site().isHit(second)).toBe(true);
    expect(values(second, 'location')).toEqual(values(first, 'location'));
  });
}

describeWholeResponses('a header that is not ASCII', tests);
// With fragments, the application holds each page until its end.
describeWholeResponses('a header that is not ASCII, with fragments', tests, { fragments: ['/elsewhere'] });

@Controller()
class Http2Controller {
  @Get('flushed')
  flushed(@Res() reply: FastifyReply) {
    this.send(reply).flushHeaders();
    reply.raw.end('abc');
  }

  @Get('text')
  text(@Res() reply: FastifyReply) {
    this.send(reply).end('abc');
  }

  private send(reply: FastifyReply): ServerResponse {
    reply.hijack();
    reply.raw.setHeader('Content-Type', 'text/html');
    reply.raw.setHeader('X-Latin1', LATIN1);
    return reply.raw;
  }
}

// Node sends fields over HTTP/2 with one byte for each character.
it.each([{}, { fragments: ['/elsewhere'] }])(
  'over HTTP/2, a hit has the bytes of the miss, with %j',
  async (options) => {
    const { app, url } = await startApplication({
      platform: 'fastify',
      controllers: [Http2Controller],
      options: { store: memoryStore(), ...options },
      fastify: { http2: true } as never,
    });
    const client = connect(url);
    const ask = async (path: string) => {
      const stream = client.request({ ':path': path });
      const [[headers], body] = await Promise.all([once(stream, 'response'), text(stream)]);
      return [String(headers['cache-status']), headers['x-latin1'], body] as unknown[];
    };
    try {
      for (const path of ['/text', '/flushed']) {
        const [missed, ...first] = await ask(path);
        expect([path, missed]).toEqual([path, 'nestjs-nginx-cache; fwd=miss; stored']);
        expect([path, await ask(path)]).toEqual([path, ['nestjs-nginx-cache; hit', ...first]]);
        expect(first).toEqual([LATIN1, 'abc']);
      }
    } finally {
      client.close();
      await app.close();
    }
  },
);
