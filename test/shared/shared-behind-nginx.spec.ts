import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NginxCacheOptions } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { field, RawPool } from '../page/raw-pool.js';
import type { Platform } from '../support/applications.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { generator, SEED } from '../support/random.js';
import { now, ReadersController, reset } from './support/readers.js';

const NAMES = ['ada', 'bob', 'cy'] as const;
const NOBODY = 'nobody';
const SHARED = ['/posts/*', '/short/*', '/not/*'];
const KEY_ALONE: NginxCacheOptions = { requestFields: { pass: 'key' }, hosts: ['127.0.0.1'] };

const CASES: [name: string, platform: Platform, more: NginxCacheOptions][] = [
  ['memcached', 'express', {}],
  ['srcache', 'fastify', {}],
  ['njs', 'express', KEY_ALONE],
  ['files', 'fastify', {}],
];

describe.each(CASES)('shared pages, %s on %s', (name, platform, more) => {
  let site: FlavourSite;
  const random = generator();
  const below = (limit: number) => Math.floor(random() * limit);
  const nobodys = (path: string) => `<p>${path} for nobody, no cookie, no credentials</p>`;
  const signed = { Cookie: 'sid=ada' };

  beforeAll(async () => {
    const flavour = FLAVOURS.find((one) => one.name === name)!;
    const options = { shared: SHARED, staleIfError: 600_000, statuses: [200], ...more };
    site = await startFlavour(flavour, platform, options, { controllers: [ReadersController] });
  });
  beforeEach(reset);
  afterAll(() => site[Symbol.asyncDispose]());

  it('come from nginx for visitors with cookies and credentials, and are made without either', async () => {
    const visitors = [signed, { Authorization: 'Bearer ada' }, { ...signed, Authorization: 'Basic ada' }];
    for (const [index, fields] of visitors.entries()) {
      const path = `/posts/by-${index}`;
      const first = await site.get(path, fields);
      expect([field(first, 'cache-status'), first.body.toString()]).toEqual([
        expect.stringMatching(/^nestjs-nginx-cache; (?:fwd=miss|hit)/),
        nobodys(path),
      ]);
      await expect.poll(async () => field(await site.get(path, fields), 'cache-status')).toBe('nginx; hit');
      expect((await site.get(path, fields)).body.toString()).toBe(nobodys(path));
      const head = await site.get(path, fields, 'HEAD');
      expect([field(head, 'cache-status'), head.body.length]).toEqual(['nginx; hit', 0]);
    }
  });

  it('are made for the visitor alone where they cannot be stored, with all that he has sent', async () => {
    for (const path of ['/not/private', '/not/cookie']) {
      const answer = await site.get(path, { ...signed, Authorization: 'Bearer ada' });
      expect(answer.body.toString()).toBe(`<p>${path} for nobody, sid=ada, Bearer ada</p>`);
      expect(field(answer, 'cache-status')).toMatch(/^nestjs-nginx-cache; fwd=bypass; detail=not-shared-/);
    }
  });

  it('give nobody a byte of another, and are rendered once', async () => {
    const paths = Array.from({ length: 5 }, (_, index) => `/posts/${index}`);
    for (const path of paths) {
      await expect.poll(async () => field(await site.get(path, signed), 'cache-status')).toBe('nginx; hit');
    }
    now.renders.clear();
    const others = ['/own/0', '/own/1', '/not/private', '/not/cookie'];
    const visits = Array.from({ length: 400 }, () => {
      const visitor = [...NAMES, NOBODY][below(4)]!;
      const path = [...paths, ...others][below(paths.length + others.length)]!;
      const credentials = [
        `Cookie: theme=x; sid=${visitor}`,
        `Authorization: Bearer ${visitor}`,
        `Cookie: ${visitor}=1`,
      ];
      const fields = [
        `Host: ${site.host}`,
        ...(visitor === NOBODY ? [] : [credentials[below(3)]!]),
        ...(below(2) === 0 ? ['Accept-Encoding: gzip'] : []),
      ];
      return { visitor, path, request: `GET ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n` };
    });
    const pool = new RawPool(site.nginx!.port, 8);
    const answers = await pool.sendAll(visits.map(({ request }) => request)).finally(() => pool.close());
    const wrong: string[] = [];
    const tokens = new Set<string>();
    for (const [index, { visitor, path, request }] of visits.entries()) {
      const answer = answers[index]!;
      const text = textOf(answer);
      const isShared = path.startsWith('/posts/');
      if (NAMES.some((one) => text.includes(one) && (isShared || one !== visitor))) wrong.push(`${request}${text}`);
      if (isShared ? !text.endsWith(nobodys(path)) : !text.includes(visitor)) wrong.push(`${request}${text}`);
      const token = field(answer, 'set-cookie');
      if (token !== undefined && tokens.has(token)) wrong.push(`${token} was given twice`);
      if (token !== undefined) tokens.add(token);
    }
    expect(wrong.slice(0, 3), `seed ${SEED}, ${wrong.length} in all`).toEqual([]);
    expect(tokens.size).toBeGreaterThan(10);
    for (const path of paths) expect(now.renders.get(path) ?? 0).toBe(0);
  });

  it.each([
    ['an encoded letter', '/posts/%61lias'],
    ['a doubled slash', '//posts/alias'],
    ['other letters', '/POSTS/alias'],
    ['a slash at the end', '/posts/alias/'],
    ['dots', '/own/../posts/alias'],
    ['a null byte', '/posts/alias%00'],
    ['a query', '/posts/alias?who=me'],
    ['an encoded slash', '/posts%2Falias'],
    ['an encoded question mark, and the own path behind it', '/own/1%3F/posts/alias'],
  ])('are nothing by an alias of their path (%s)', async (_, target) => {
    const answer = await site.get(target, { Cookie: 'sid=ada' });
    // It is answered as ever: for the visitor who asks, if at all.
    expect(field(answer, 'cache-status') ?? '').not.toMatch(/hit|stored/);
    const nobody = await site.get(target);
    expect(textOf(nobody)).not.toContain('ada');
    const shared = await site.get('/posts/alias');
    expect(shared.body.toString()).toBe(nobodys('/posts/alias'));
  });

  it.each([
    ['two fields', { 'X-Forwarded-User': 'ada', Cookie: 'sid=ada' }, 'nobody', 'bypass'],
    ['a field like it', { Cookie2: 'sid=ada', 'X-Cookie': 'sid=ada', 'Proxy-Cookie': 'sid=ada' }, 'nobody', 'shared'],
    ['what nginx says itself', { 'X-Page-Cache-Key': 'page:/own/1', Cookie: 'sid=ada' }, 'nobody', 'shared'],
    ['spaces', { Cookie: ' \t sid=ada ' }, 'nobody', 'shared'],
    ['nothing but a name', { Cookie: 'ada' }, 'nobody', 'shared'],
  ])('are nothing that a visitor could write himself into (%s)', async (title, fields, _, kind) => {
    const path = `/posts/for-${title.replaceAll(' ', '-')}`;
    const first = await site.get(path, fields);
    if (kind === 'bypass') expect(first.body.toString()).toBe(`<p>${path} for nobody, sid=ada, no credentials</p>`);
    else expect(first.body.toString()).toBe(nobodys(path));
    expect((await site.get(path)).body.toString()).toBe(nobodys(path));
  });

  it('are neither made nor sent by an unsafe method', async () => {
    const answer = await site.get('/posts/0', { ...signed, 'Content-Length': '0' }, 'POST');
    expect(answer.body.toString()).toBe('thank you nobody');
    expect(field(answer, 'cache-status')).toMatch(/fwd=bypass/);
  });

  it('are kept for visitors with a session while the application is down', async () => {
    await expect.poll(async () => field(await site.get('/short/1', signed), 'cache-status')).toMatch(/hit/);
    now.status = 503;
    // By the application, as long as it runs.
    await expect
      .poll(async () => field(await site.get('/short/1', signed), 'cache-status'))
      .toMatch(/^nestjs-nginx-cache; fwd=stale/);
    await site.app.close();
    await expect
      .poll(async () => field(await site.get('/short/1', signed), 'cache-status'))
      .toMatch(/^nginx; fwd=stale/);
    expect((await site.get('/short/1', signed)).body.toString()).toBe(nobodys('/short/1'));
    expect((await site.get('/own/1', signed)).status).toBe(502);
  });
});

function textOf(answer: RawResponse): string {
  const body = field(answer, 'content-encoding') === 'gzip' ? gunzipSync(answer.body) : answer.body;
  const head = answer.headers.map(([name, value]) => `${name}: ${value}\n`).join('');
  return `${head}\n${body.toString('latin1')}`;
}
