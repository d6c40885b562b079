import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Asked, asking } from '../../../lib/operations/ask.js';
import { neverAHit } from '../../../lib/operations/why/never-a-hit.js';
import { explain, type Explanation } from '../../../lib/operations/why/explain.js';
import { checkOptions } from '../../../lib/configuration/check-options.js';
import { PageKeys } from '../../../lib/page/page-key.js';
import { REASONS } from '../../../lib/reasons/reasons.js';
import { memcachedStore } from '../../../lib/index.js';

const checked = checkOptions({
  hosts: ['example.com'],
  exclude: ['/admin/*'],
  bypassToken: 'a-token-of-forty-characters-in-this-test',
  store: memcachedStore({ servers: '127.0.0.1:11211' }),
});

/** What is said of a request that gets these answers, one after the other; `undefined` for none. */
function explained(
  cacheStatus: readonly (string | undefined)[],
  target = '/',
  fields: Record<string, string> = {},
): Promise<Explanation> {
  const left = [...cacheStatus];
  const ask = async (): Promise<Asked> => {
    const value = left.length > 1 ? left.shift() : left[0];
    if (value === undefined) throw new Error('socket hang up');
    return { status: 200, headers: { 'cache-status': value }, body: Buffer.from('') };
  };
  const head = { method: 'GET', target, headers: { host: 'example.com', ...fields } };
  return explain({ rules: checked.rules, keys: new PageKeys(checked), ask }, head);
}

describe('what why says of each reason', () => {
  const words = Object.keys(REASONS);

  it.each(words)('%s', async (word) => {
    const said = word.endsWith('-') ? `${word}x` : word;
    const { isPage, outcome, why, cure } = await explained([`nestjs-nginx-cache; fwd=miss; detail=${said}`]);
    expect({ isPage, outcome }).toEqual({ isPage: false, outcome: said });
    expect({ why, cure }).toEqual(REASONS[word]);
  });

  it('of listeners: whose they are', async () => {
    const { outcome, cure } = await explained(['nestjs-nginx-cache; fwd=bypass; detail=preview']);
    expect(outcome).toBe('preview');
    expect(cure).toBe("look for 'preview' in the listeners (@OnPageCache()) and handlers of the application");
  });
});

describe('what why says of a request', () => {
  it('a page that is stored, and then a hit', async () => {
    const answers = ['nestjs-nginx-cache; fwd=miss; stored; detail=store-late', 'nginx; hit'];
    expect(await explained(answers, '/posts')).toEqual({
      isPage: true,
      outcome: 'nginx hit',
      nginx: 'looks for page:example.com/posts',
      key: 'page:example.com/posts',
      answers: answers.map((cacheStatus) => ({ status: 200, cacheStatus })),
    });
  });

  it('a copy is no page that says of itself that it is stale', async () => {
    const copy = await explained(['nestjs-nginx-cache; hit; ttl=-3; detail=stale-while-revalidate', 'nginx; hit']);
    expect(copy).toMatchObject({ isPage: true, outcome: 'nginx hit' });
    const instead = await explained(['nginx; fwd=stale; fwd-status=502; detail=stale-if-error']);
    expect(instead).toMatchObject({ isPage: true, outcome: 'stale copy' });
  });

  it('which rule keeps it away, and what that has looked at', async () => {
    const cookie = await explained(['nestjs-nginx-cache; fwd=bypass; detail=cookie'], '/', { cookie: 'sid=1' });
    expect(cookie).toMatchObject({
      nginx: 'sends the request past the cache (cookie)',
      rule: { reason: 'cookie', sees: ['cookie: sid=1'] },
    });
    const excluded = await explained(['nestjs-nginx-cache; fwd=bypass; detail=excluded'], '/admin/users');
    expect(excluded.rule?.sees).toContain('path: /admin/users');
  });

  it('a secret stays one', async () => {
    const token = 'a-token-of-forty-characters-in-this-test';
    const given = await explained(['nestjs-nginx-cache; fwd=bypass; detail=bypass-header'], '/', {
      'x-page-cache-bypass': token,
    });
    expect(given.rule).toEqual({ reason: 'bypass-header', sees: [] });
    expect(JSON.stringify(given)).not.toContain(token);
  });

  it('whose answer breaks off: it is not asked again', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'cache-status': 'nestjs-nginx-cache; fwd=miss; stored' });
      response.write('<h1>half', () => response.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const ask = asking(url, new AbortController().signal);
    await expect(ask('/')).rejects.toMatchObject({ asked: { status: 200, body: Buffer.from('<h1>half') } });
    const head = { method: 'GET', target: '/', headers: { host: 'example.com' } };
    const { answers } = await explain({ rules: checked.rules, keys: new PageKeys(checked), ask }, head);
    expect(answers).toEqual([
      { status: 200, cacheStatus: expect.stringContaining('stored') as string, isBroken: true },
    ]);
    expect(neverAHit(false, true, '/').why).toContain('broke off before its end');
    server.close();
  });

  it('whom nobody answers', async () => {
    expect(await explained([undefined])).toMatchObject({ isPage: false, outcome: 'no answer', answers: [] });
    const other = await explained([undefined], '/', { host: 'other.example' });
    expect(other).toMatchObject({ outcome: 'host', cure: REASONS['host']?.cure });
    expect(await explained(['fastly; hit'])).toMatchObject({ outcome: 'no Cache-Status' });
    expect(await explained(['nestjs-nginx-cache; fwd=bypass; detail=no-handler'], `/${'x'.repeat(300)}`)).toMatchObject(
      {
        nginx: 'sends the request past the cache (key-length)',
      },
    );
  });
});
