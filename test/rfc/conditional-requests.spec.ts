import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import type { RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { answer } from './support/answers.controller.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

const GZIP = { 'Accept-Encoding': 'gzip' };
const PAGE = '<p>a page that is worth compressing</p>'.repeat(100);
const MODIFIED = 'Sun, 06 Nov 1994 08:49:37 GMT';

const opaque = (response: RawResponse) => field(response, 'etag')?.replace('W/', '');

describeWholeResponses('conditional requests (RFC 9110, section 13)', (site) => {
  it('section 8.8.3: what a page is rendered with has the validators that it is stored with', async () => {
    const target = site().answering({}, PAGE);
    for (const accept of [{}, GZIP]) {
      const { first, second } = await site().twice(target, accept);
      expect(site().isHit(second)).toBe(true);
      expect(opaque(first)).toMatch(/^"[\w-]+"$/);
      expect(opaque(second)).toBe(opaque(first));
      expect(field(first, 'last-modified')).toBe(field(second, 'last-modified'));
    }
  });

  it.each([
    ['in one piece', true, (response: ServerResponse) => response.end(PAGE)],
    [
      'in one piece, with its header made before',
      true,
      (response: ServerResponse) => response.writeHead(200).end(PAGE),
    ],
    ['as bytes', true, (response: ServerResponse) => response.writeHead(200).end(Buffer.from(PAGE))],
    [
      'after its header',
      false,
      (response: ServerResponse) => {
        response.flushHeaders();
        response.end(PAGE);
      },
    ],
    [
      'in pieces',
      false,
      (response: ServerResponse) => {
        response.write(PAGE.slice(0, 10));
        response.end(PAGE.slice(10));
      },
    ],
  ] as const)('section 8.8.3: it is the same however the content is sent: %s', async (_, isOfContent, send) => {
    const whole = await site().get(site().answering({}, PAGE));
    const target = site().answers.add((response) => {
      response.setHeader('Content-Type', 'text/html');
      send(response);
    });
    const { first, second } = await site().twice(target);
    expect([site().isHit(second), opaque(second)]).toEqual([true, opaque(first)]);
    expect(opaque(first) === opaque(whole)).toBe(isOfContent);
  });

  it('section 8.8.3.3: two codings of a page never have the same strong ETag', async () => {
    const target = site().answering({}, PAGE);
    const { first } = await site().twice(target, GZIP);
    const strong = new Map<string | undefined, string>();
    for (const response of [first, await site().get(target, GZIP), await site().get(target)]) {
      const tag = field(response, 'etag') ?? '';
      const coding = field(response, 'content-encoding') ?? 'identity';
      if (!tag.startsWith('W/')) expect(strong.get(tag) ?? coding).toBe(coding);
      strong.set(tag, coding);
    }
    expect(field(await site().get(target, GZIP), 'etag')).toMatch(/^"/);
    expect(field(await site().get(target), 'etag')).toMatch(/^W\//);
  });

  it('section 8.8.1: other content has another ETag', async () => {
    const tags = await Promise.all(
      ['<p>1</p>', '<p>2</p>'].map(async (body) => {
        const target = site().answering({}, body);
        return opaque(await site().get(target));
      }),
    );
    expect(new Set(tags).size).toBe(2);
  });

  it('section 8.8.1: so has a stream that is rendered again, whose content is not known when its header leaves', async () => {
    let version = 1;
    const target = site().answers.add((response, request) => {
      response.setHeader('Content-Type', 'text/html');
      response.write(`version ${version}`);
      setImmediate(() => response.end(' ends'));
      expect(request.headers['if-none-match']).toBeUndefined();
    });
    const { first, second } = await site().twice(target);
    expect([site().isHit(second), opaque(second)]).toEqual([true, opaque(first)]);
    version = 2;
    await site().get(target, {}, 'DELETE');
    const { first: again, second: hit } = await site().twice(target);
    expect(hit.body.toString()).toBe('version 2 ends');
    expect([opaque(again) === opaque(first), opaque(hit)]).toEqual([false, opaque(again)]);
  });

  it.each([{}, GZIP])(
    'section 13.1.2: who has the page from its rendering is told so by the cache (%o)',
    async (accept) => {
      const target = site().answering({ 'Cache-Control': 'max-age=100', 'Content-Location': '/x', Vary: '' }, PAGE);
      const { first, second } = await site().twice(target, accept);
      for (const from of [first, second]) {
        const response = await site().get(target, { ...accept, 'If-None-Match': field(from, 'etag') ?? '' });
        expect([response.status, response.body.length, site().isHit(response)]).toEqual([304, 0, true]);
      }
      expect(site().answers.calls(target)).toBe(1);
    },
  );

  it.each([{}, GZIP])('section 15.4.5: a 304 has the fields that the page would have had (%o)', async (accept) => {
    const fields = {
      'Cache-Control': 'max-age=100',
      'Content-Location': '/x',
      Expires: new Date(Date.now() + 1e6).toUTCString(),
    };
    const target = site().answering(fields, PAGE);
    const { second } = await site().twice(target, accept);
    const response = await site().get(target, { ...accept, 'If-None-Match': field(second, 'etag') ?? '' });
    expect(response.status).toBe(304);
    expect(opaque(response)).toBe(opaque(second));
    // nginx's own answer is made before it would weaken the tag of content that it unpacks.
    if (site().flavour.name !== 'srcache') expect(values(response, 'etag')).toEqual(values(second, 'etag'));
    for (const name of ['cache-control', 'content-location', 'expires', 'vary']) {
      expect([name, values(response, name)]).toEqual([name, values(second, name)]);
    }
    expect(values(response, 'date')).toHaveLength(1);
    for (const name of ['content-type', 'content-length', 'content-encoding', 'transfer-encoding']) {
      expect([name, values(response, name)]).toEqual([name, []]);
    }
  });

  it('section 13.1.3: If-Modified-Since counts when there is no If-None-Match', async () => {
    const target = site().answering({ 'Last-Modified': MODIFIED });
    const { second } = await site().twice(target);
    const asked = async (fields: Record<string, string>) => {
      const response = await site().get(target, fields);
      expect(site().isHit(response)).toBe(true);
      return response.status;
    };
    expect(await asked({ 'If-Modified-Since': MODIFIED })).toBe(304);
    expect(await asked({ 'If-Modified-Since': new Date().toUTCString() })).toBe(304);
    expect(await asked({ 'If-Modified-Since': 'Sun, 06 Nov 1994 08:49:36 GMT' })).toBe(200);
    expect(await asked({ 'If-Modified-Since': 'not a date' })).toBe(200);
    expect(await asked({ 'If-None-Match': '"other"', 'If-Modified-Since': MODIFIED })).toBe(200);
    expect(await asked({ 'If-None-Match': field(second, 'etag') ?? '', 'If-Modified-Since': MODIFIED })).toBe(304);
  });

  it('section 13.2.2: If-None-Match wins over If-Modified-Since', async () => {
    const target = site().answering({ 'Last-Modified': MODIFIED });
    const { second } = await site().twice(target);
    const before = { 'If-Modified-Since': 'Sun, 06 Nov 1983 08:49:37 GMT' };
    const response = await site().get(target, { ...before, 'If-None-Match': field(second, 'etag') ?? '' });
    // nginx asks for both (ngx_http_not_modified_filter_module.c), and sends the page once more than it has to.
    expect([response.status, site().isHit(response)]).toEqual([site().flavour.name === 'srcache' ? 200 : 304, true]);
    expect((await site().get(target, { ...before, 'If-None-Match': '"other"' })).status).toBe(200);
  });

  it('section 8.8.2.1: Last-Modified is never in the future, and no date is that of two versions', async () => {
    const versions = new Map<string, string>();
    let version = 0;
    const target = site().answers.add((response, request) => {
      if (request.method === 'GET') response.setHeader('Content-Type', 'text/html');
      response.end(`version ${version}`);
    });
    for (version = 1; version <= 6; version += 1) {
      await site().get(target, {}, 'DELETE');
      const { first, second, outcome } = await site().twice(target);
      expect([outcome, site().isHit(second), second.body.toString()]).toEqual(['stored', true, `version ${version}`]);
      const modified = field(second, 'last-modified');
      expect(field(first, 'last-modified')).toBe(modified);
      for (const [date] of versions) {
        const response = await site().get(target, { 'If-Modified-Since': date });
        expect([response.status, response.body.toString()]).toEqual([200, `version ${version}`]);
      }
      const { status } = await site().get(target, { 'If-None-Match': field(second, 'etag') ?? '' });
      expect(status).toBe(304);
      if (modified === undefined) continue;
      expect(Date.parse(modified)).toBeLessThanOrEqual(Date.now());
      expect(versions.has(modified)).toBe(false);
      versions.set(modified, `version ${version}`);
    }
    expect(versions.size).toBeGreaterThan(0);
  });

  it("section 8.8.2.1: that goes for the application's own as well", async () => {
    const future = new Date(Date.now() + 1e6).toUTCString();
    const { first, second } = await site().twice(site().answering({ 'Last-Modified': future }, PAGE));
    expect(site().isHit(second)).toBe(true);
    const dates = [first, second].map((response) => values(response, 'last-modified'));
    expect(dates[0]).toEqual(dates[1]);
    expect(Date.parse(dates[0]?.[0] ?? '')).toBeLessThanOrEqual(Date.now());
  });

  it('section 13.1.1: preconditions are for the application', async () => {
    const target = site().answers.add((response, request) => {
      response.writeHead(request.headers['if-match'] ? 412 : 200, { 'Content-Type': 'text/html' }).end('content');
    });
    const { second } = await site().twice(target);
    expect(site().isHit(second)).toBe(true);
    expect((await site().get(target, { 'If-Match': '"other"' })).status).toBe(412);
    expect(site().isHit(await site().get(target))).toBe(true);
  });

  it("section 8.8: the application's own validators are kept", async () => {
    const own = { ETag: 'W/"own"', 'Last-Modified': MODIFIED };
    const { first, second } = await site().twice(site().answering(own, PAGE));
    for (const response of [first, second]) {
      expect([values(response, 'etag'), values(response, 'last-modified')]).toEqual([['W/"own"'], [MODIFIED]]);
    }
  });

  it.each([
    ['is private', answer({ 'Cache-Control': 'private' }, PAGE)],
    ['sets a cookie', answer({ 'Set-Cookie': 'sid=1' }, PAGE)],
    ['varies', answer({ Vary: 'Cookie' }, PAGE)],
    ['is no page', answer({}, PAGE, 500)],
  ])('no validators are made for what %s', async (_, given) => {
    const { first, second } = await site().twice(site().answers.add(given));
    for (const response of [first, second]) {
      expect([values(response, 'etag'), values(response, 'last-modified')]).toEqual([[], []]);
    }
  });

  it('nor for a visitor with a session', async () => {
    const response = await site().get(site().answering({}, PAGE), { Cookie: 'sid=1' });
    expect([values(response, 'etag'), values(response, 'last-modified')]).toEqual([[], []]);
  });

  it('without a page, a conditional request passes to the application', async () => {
    const target = site().answering({ ETag: '"1"' });
    const response = await site().get(target, { 'If-None-Match': '"1"' });
    expect([response.status, site().answers.calls(target)]).toEqual([200, 1]);
    expect(site().isHit(response)).toBe(false);
  });
});
