import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { field } from '../page/raw-pool.js';
import type { Answer } from './support/answers.controller.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

/** Hop-by-hop fields that nginx passes on from the application, besides those that it makes itself. */
const HOP_BY_HOP = {
  'Proxy-Connection': 'keep-alive',
  TE: 'trailers',
  Trailer: 'X-Trailer',
  'Proxy-Authenticate': 'Basic realm="proxy"',
  'Proxy-Authentication-Info': 'nextnonce="x"',
};

describeWholeResponses('header fields (RFC 9110, sections 5 to 7; RFC 9111, section 3.1)', (site) => {
  it('RFC 9110, section 5.3: those of one name keep their order, and their lines', async () => {
    const fields = { Link: ['</a>; rel=a', '</b>; rel=b', '</a>; rel=a'], 'X-List': ['3, 1', '', '2'] };
    const { second } = await site().twice(site().answering(fields));
    expect(site().isHit(second)).toBe(true);
    expect(values(second, 'link')).toEqual(fields.Link);
    expect(values(second, 'x-list').filter((value) => value !== '')).toEqual(['3, 1', '2']);
  });

  it('RFC 9110, section 5.3: fields keep their order', async () => {
    const names = ['X-C', 'X-A', 'Content-Language', 'X-B', 'Cache-Control', 'X-D'];
    const { second } = await site().twice(site().answering(Object.fromEntries(names.map((name) => [name, 'public']))));
    expect(site().isHit(second)).toBe(true);
    expect(second.headers.map(([name]) => name).filter((name) => names.includes(name))).toEqual(names);
  });

  it("RFC 9110, section 5.1: names keep their case, and all of a name's characters", async () => {
    const names = ['x-lower', 'X-UPPER', 'X-miXed', "x!#$%&'*+-.^_`|~0"];
    const { second } = await site().twice(site().answering(Object.fromEntries(names.map((name) => [name, 'x']))));
    expect(site().isHit(second)).toBe(true);
    expect(second.headers.map(([name]) => name)).toEqual(expect.arrayContaining(names));
  });

  it.each([100, 3900])('RFC 9110, section 5.4: a field of %i bytes is kept', async (length) => {
    const { second } = await site().twice(site().answering({ 'X-Long': 'x'.repeat(length) }));
    expect([site().isHit(second), field(second, 'x-long')?.length]).toEqual([true, length]);
  });

  it.each([
    // Node sends the header as UTF-8 with text, if it knows how long that is.
    ['text', 'utf8', (response: ServerResponse) => response.end('the content')],
    [
      'text of a known length',
      'utf8',
      (response: ServerResponse) => {
        response.setHeader('Content-Length', 11).write('the ');
        response.end('content');
      },
    ],
    ['bytes', 'latin1', (response: ServerResponse) => response.end(Buffer.from('the content'))],
    [
      'pieces of text',
      'latin1',
      (response: ServerResponse) => {
        response.write('the ');
        response.end('content');
      },
    ],
  ] as const)(
    'RFC 9110, section 5.5: every byte of the header comes back as it was sent with %s',
    async (_, encoding, send) => {
      const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
      const allowed = bytes.filter((byte) => /[\t\x20-\x7e\x80-\xff]/.test(byte)).join('');
      const odd = [
        `a${allowed}z`,
        'caf\xe9',
        Buffer.from('Käse 😀').toString('latin1'),
        'a\x85\xa0z',
        'HTTP/1.1 200 OK: x',
      ];
      const target = site().answers.add((response) => {
        response.setHeader('Content-Type', 'text/html');
        response.setHeader('X-Odd', odd);
        response.setHeader('X-After', 'after');
        send(response);
      });
      const { first, second } = await site().twice(target);
      expect(site().isHit(second)).toBe(true);
      for (const response of [first, second]) {
        expect(values(response, 'x-odd')).toEqual(odd.map((value) => Buffer.from(value, encoding).toString('latin1')));
        expect(values(response, 'x-after')).toEqual(['after']);
        expect(response.body.toString()).toBe('the content');
      }
    },
  );

  it.each(['\r\nX-Split: 1', '\n X-Split: 1', '\r\n folded', '\r', '\n', '\0', '\x7f', 'ā', '嘊嘍X-Split: 1'])(
    'RFC 9112, sections 2.2 and 5.2: %j gets into no header, neither by a name nor by a value',
    async (text) => {
      const ways: Answer[] = [
        (response) => response.setHeader('X-Odd', `a${text}`),
        (response) => response.setHeader(`X${text}`, 'a'),
        (response) => response.writeHead(200, ['X-Odd', `a${text}`] as never),
        (response) => response.writeHead(200, { 'X-Odd': `a${text}` }),
      ];
      for (const way of ways) {
        const target = site().answers.add((response, request) => {
          try {
            way(response, request);
          } catch {
            response.statusCode = 500;
          }
          response.end('content');
        });
        const { first, second } = await site().twice(target);
        for (const response of [first, second]) {
          expect(response.status).toBe(500);
          expect(site().isHit(response)).toBe(false);
          expect([values(response, 'x-split'), values(response, 'x-odd')]).toEqual([[], []]);
        }
      }
    },
  );

  it('RFC 9111, section 3.1: what belongs to one connection is not stored', async () => {
    const target = site().answers.add((response) => {
      response.setHeader('Content-Type', 'text/html');
      response.setHeader('Connection', 'close, X-Hop, x-OTHER-hop');
      for (const [name, value] of Object.entries(HOP_BY_HOP)) response.setHeader(name, value);
      response.setHeader('Keep-Alive', 'timeout=1234');
      response.setHeader('Upgrade', 'h2c');
      response.setHeader('Transfer-Encoding', 'chunked');
      response.setHeader('X-Hop', '1');
      response.setHeader('X-Other-Hop', '1');
      response.setHeader('X-Kept', '1');
      response.end('content');
    });
    const { second, outcome } = await site().twice(target);
    expect([outcome, site().isHit(second), values(second, 'x-kept')]).toEqual(['stored', true, ['1']]);
    for (const name of [...Object.keys(HOP_BY_HOP), 'Upgrade', 'X-Hop', 'X-Other-Hop', 'Transfer-Encoding']) {
      expect([name, values(second, name.toLowerCase())]).toEqual([name, []]);
    }
    expect(second.raw.toString('latin1')).not.toMatch(/timeout=1234|x-hop/i);
    expect(field(second, 'content-length')).toBe('7');
  });

  it('RFC 9111, section 3.1: nor what belongs to one response', async () => {
    const fields = { 'Cache-Status': 'upstream; hit', Age: '5', 'Content-Length': '7' };
    const { second } = await site().twice(site().answering(fields, 'content'));
    expect(values(second, 'cache-status')).toEqual([site().site.hit]);
    expect(values(second, 'content-length')).toEqual(['7']);
    expect(values(second, 'date')).toHaveLength(1);
  });

  it('RFC 9111, section 7.3: a page that sets a cookie is not stored', async () => {
    expect(await site().kept({ 'Set-Cookie': ['a=b', 'sid=1'], 'Cache-Control': 'public' })).toEqual([
      false,
      'set-cookie',
    ]);
  });
});
