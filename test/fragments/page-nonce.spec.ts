import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { memcachedStore, nginxConf, PageCacheService } from '../../lib/index.js';
import { NginxServer, type RawResponse } from '../../lib/testing/index.js';
import { COPY_MARK } from '../../lib/page/copy-key.js';
import { LEASE } from '../../lib/page/page-file.js';
import { PLATFORMS } from '../support/applications.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { Gate } from '../support/gate.js';
import { answer } from '../support/site.js';
import { plainNginx } from '../testing/plain-nginx.js';
import {
  FOREIGN,
  NoncePagesController,
  OLD,
  POLICY,
  script,
  useStrictPolicy,
} from '../support/nonce-pages.controller.js';

const NONCE = /'nonce-([^']*)'/g;
const SSI = '<!--#echo var="request_id" encoding="none" -->';
const OF_STORED = ['etag', 'last-modified', 'accept-ranges', 'content-range', 'age', 'x-srcache-allow-ranges'];
const SITES = FLAVOURS.flatMap((flavour) =>
  PLATFORMS.map((platform) => ({ flavour, platform, title: `${flavour.name} on ${platform}` })),
);

function said({ headers }: RawResponse, name: string): string[] {
  return headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
}

/** The one nonce of a policy. */
function nonceOf(response: RawResponse): string {
  const policies = said(response, 'content-security-policy');
  expect(policies).toHaveLength(1);
  const nonces = [...policies[0]!.matchAll(NONCE)].map(([, nonce]) => nonce!);
  expect(policies[0]).toBe(POLICY.replaceAll('{pageNonce}', nonces[0]!));
  expect(nonces[0]).toMatch(/^[0-9a-f]{32}$/);
  return nonces[0]!;
}

it('needs paths on which nginx can replace it', () => {
  const nginx = { headers: { 'Content-Security-Policy': POLICY } };
  const options = { nginx, store: memcachedStore({ servers: '127.0.0.1:11211' }), hosts: ['a.example'] };
  const place = { app: '127.0.0.1:3000' };
  expect(() => nginxConf(options, place)).toThrow(/nginx\.headers\.Content-Security-Policy.*fragments/s);
  expect(nginxConf({ ...options, fragments: ['/'] }, place).http).toContain("'nonce-$request_id'");
});

it.each(PLATFORMS)('the log has the line for nginx.headers: on %s', async (platform) => {
  const said = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  await using site = await startFlavour(
    FLAVOURS[0]!,
    platform,
    { fragments: ['/with/*'] },
    { controllers: [NoncePagesController], prepare: (app) => useStrictPolicy(app, platform) },
  );
  const { outcome } = await site.twice('/with/page');
  expect(outcome).toBe('header-content-security-policy');
  expect(said.mock.calls.flat().join()).toContain(`: ${JSON.stringify(POLICY)},`);
  said.mockRestore();
});

describe.each(SITES)('each response has a nonce of its own: $title', ({ flavour, platform }) => {
  let site: FlavourSite;
  beforeAll(async () => {
    site = await startFlavour(
      flavour,
      platform,
      {
        fragments: ['/with/*'],
        shared: ['/with/shared/*'],
        staleIfError: 3_600_000,
        fragmentTimeout: 60_000,
        anonymousOnly: { sessionCookies: ['session'] },
        ...(flavour.flavour && {
          nginx: {
            flavour: flavour.flavour,
            ...(!flavour.keepsFields && { headers: { 'Content-Security-Policy': POLICY } }),
          },
        }),
      },
      { controllers: [NoncePagesController], prepare: (app) => useStrictPolicy(app, platform) },
    );
  });
  afterAll(() => site[Symbol.asyncDispose]());
  beforeEach(() => {
    NoncePagesController.comment = '';
  });

  const text = ({ body }: RawResponse) => body.toString();
  const page = (nonce: string, comment = '') => `${script(nonce)}<p>${comment}</p><style nonce="${nonce}"></style>`;
  const purge = (path: string) => site.app.get(PageCacheService).purge(path);
  const hit = async (target: string): Promise<RawResponse> => {
    const { second, outcome } = await site.twice(target);
    expect([target, outcome]).toEqual([target, expect.stringMatching(/^(?:stored|.*; hit)$/)]);
    expect([target, said(second, 'cache-status')]).toEqual([target, [site.hit]]);
    return second;
  };

  it('the same in its header and in its body, on a miss and on each hit, from one rendering', async () => {
    await purge('/with/page');
    const { first } = await site.twice('/with/page');
    const seen = new Set([nonceOf(first)]);
    expect(text(first)).toBe(page(nonceOf(first)));
    const before = NoncePagesController.renderings;
    for (let index = 0; index < 30; index += 1) {
      const response = await hit('/with/page');
      expect(text(response)).toBe(page(nonceOf(response)));
      seen.add(nonceOf(response));
    }
    expect([seen.size, NoncePagesController.renderings]).toEqual([31, before]);
  });

  it('each of those who wait for the same rendering', async () => {
    NoncePagesController.asking.clear();
    NoncePagesController.gate = new Gate();
    const before = NoncePagesController.renderings;
    const url = `${site.nginx?.url ?? `http://${site.host}`}/with/slow`;
    const asking = Array.from({ length: 4 }, () => answer(url));
    await expect.poll(() => NoncePagesController.asking.size).toBe(4);
    NoncePagesController.gate.open();
    const seen = new Set<string>();
    for (const { headers, body } of await Promise.all(asking)) {
      const [, nonce = ''] = /'nonce-(\w{32})'/.exec(headers.get('content-security-policy') ?? '') ?? [];
      expect(body.toString()).toBe(script(nonce));
      seen.add(nonce);
    }
    expect([seen.size, NoncePagesController.renderings]).toEqual([4, before + 1]);
  });

  it('what somebody has written is text, also if it is a nonce that he has seen', async () => {
    await purge('/with/page');
    const { first, second } = await site.twice('/with/page');
    const comment = [nonceOf(first), nonceOf(second), '{pageNonce}', SSI, '$request_id'].map(script).join('<!--');
    NoncePagesController.comment = comment;
    await purge('/with/page');
    for (let index = 0; index < 3; index += 1) {
      const response = await hit('/with/page');
      expect(text(response)).toBe(page(nonceOf(response), comment));
      expect(comment).not.toContain(nonceOf(response));
    }
  });

  it('whole and without validators, whatever the visitor has and takes', async () => {
    NoncePagesController.comment = 'a<b '.repeat(500);
    await purge('/with/page');
    await hit('/with/page');
    const seen = new Set<string>();
    const requests = [{ 'If-None-Match': '"x"' }, { Range: 'bytes=0-3' }, {}];
    for (const method of ['GET', 'HEAD']) {
      for (const fields of [...requests, { 'If-Modified-Since': new Date(Date.now() + 1e9).toUTCString() }]) {
        const response = await site.get('/with/page', { ...fields, 'Accept-Encoding': 'gzip' }, method);
        expect([method, fields, response.status]).toEqual([method, fields, 200]);
        const nonce = nonceOf(response);
        seen.add(nonce);
        const isPacked = said(response, 'content-encoding').join() === 'gzip';
        const body = isPacked && method === 'GET' ? gunzipSync(response.body).toString() : text(response);
        expect(body).toBe(method === 'HEAD' ? '' : page(nonce, NoncePagesController.comment));
        for (const name of OF_STORED) expect([name, said(response, name)]).toEqual([name, []]);
        expect(said(response, 'cache-control')).toEqual(['private, no-cache']);
      }
    }
    expect(seen.size).toBe(8);
  });

  it('also of a page that was published, and in a shared page for a visitor with a session', async () => {
    await purge('/with/page');
    await site.app.get(PageCacheService).publish('/with/page');
    const published = await site.get('/with/page');
    expect([said(published, 'cache-status'), text(published)]).toEqual([[site.hit], page(nonceOf(published))]);
    const seen = new Set<string>();
    for (let index = 0; index < 4; index += 1) {
      const response = await site.get('/with/shared/page', { Cookie: 'session=1' });
      expect(text(response)).toBe(page(nonceOf(response)));
      seen.add(nonceOf(response));
      if (index === 0) expect(await site.log.outcome('/with/shared/page')).toBe('stored');
    }
    expect(seen.size).toBe(4);
  });

  it('in fragments, in those that all have in common, and in those that stand in others', async () => {
    const forms: Record<string, (nonce: string) => string> = {
      personal: (nonce) => `[${script(nonce)}]`,
      shared: (nonce) => `(${script(nonce)})`,
      outer: (nonce) => `{${script(nonce)}[${script(nonce)}](${script(nonce)})}`,
    };
    for (const [name, form] of Object.entries(forms)) {
      const target = `/with/fragment/${name}`;
      const { first } = await site.twice(target);
      const seen = new Set<string>();
      for (const response of [first, await hit(target), await hit(target)]) {
        const nonce = nonceOf(response);
        expect([name, text(response)]).toEqual([name, `${script(nonce)}${form(nonce)}`]);
        seen.add(nonce);
      }
      expect(seen.size).toBe(3);
    }
  });

  it.each([
    ['made before', OLD],
    ['made by something else', FOREIGN],
  ])('not in a fragment whose policy names a nonce that others may know: %s', async (_, own) => {
    NoncePagesController.own = own;
    for (const name of ['own', 'shared-own']) {
      const target = `/with/fragment/${name}`;
      await purge(target);
      const { first } = await site.twice(target);
      for (const response of [first, await hit(target), await hit(target)]) {
        expect([name, text(response)]).toEqual([name, `${script(nonceOf(response))}${script(own)}`]);
      }
    }
    expect(await site.log.outcome('/.page-fragment/shared/shared-own')).toBe('nonce');
  });

  it('not in a fallback, whose scripts do not run', async () => {
    const { first } = await site.twice('/with/fragment/fails');
    const response = await hit('/with/fragment/fails');
    expect(text(response)).toBe(`${script(nonceOf(response))}${script(nonceOf(first))}`);
    expect(nonceOf(response)).not.toBe(nonceOf(first));
  });

  it.each(['/undeclared', '/with/old', '/with/foreign'])('and is not stored otherwise: %s', async (target) => {
    for (let index = 0; index < 2; index += 1) {
      const { first, outcome } = await site.twice(target);
      expect([target, outcome]).toEqual([target, 'nonce']);
      expect(text(first)).toBe(page(nonceOf(first)));
    }
  });

  it('in as many places, and in as many policies, as nginx can replace it', async () => {
    for (const kind of ['seven', 'split', 'brace', 'mixed']) {
      const { outcome } = await site.twice(`/with/policy/${kind}`);
      expect([kind, outcome]).toEqual([kind, expect.stringMatching(/^nonce/)]);
    }
    if (!flavour.keepsFields) return;
    for (const kind of ['six', 'two']) {
      const { first } = await site.twice(`/with/policy/${kind}`);
      const response = await hit(`/with/policy/${kind}`);
      const policy = (one: RawResponse) => said(one, 'content-security-policy').toSorted().join();
      const nonces = [first, response].map((one) => [...new Set(policy(one).match(/[0-9a-f]{32}/g))]);
      expect(nonces).toEqual([[expect.any(String)], [expect.any(String)]]);
      expect(policy(response).replaceAll(nonces[1]![0]!, '').split(/, ?/).toSorted()).toEqual(
        policy(first).replaceAll(nonces[0]![0]!, '').split(/, ?/).toSorted(),
      );
      expect(text(response)).toBe(script(nonces[1]![0]!));
    }
  });

  it('no visitor chooses it', async () => {
    await hit('/with/page');
    await hit('/with/fragment/personal');
    const chosen = 'a'.repeat(32);
    const fields = { 'X-Request-Id': chosen, 'X-Page-Fragment-Nonce': chosen, 'X-Page-Cache-Policy': chosen };
    for (const target of ['/with/page', '/with/fragment/personal', '/with/fragment/outer']) {
      const { headers, body } = await site.get(target, fields);
      expect([JSON.stringify(headers), body.toString()].join()).not.toContain(chosen);
    }
    if (site.nginx) {
      expect(JSON.parse(text(await site.get('/sees', fields)))).not.toHaveProperty('x-page-fragment-nonce');
    }
  });

  it('behind a cache that all visitors share, which keeps no page with a nonce', async () => {
    const inFront = plainNginx(
      `location / {
        proxy_pass ${site.nginx?.url ?? `http://${site.host}`};
        proxy_cache shared;
        proxy_cache_valid 200 10m;
        add_header X-Shared-Cache $upstream_cache_status;
      }`,
    );
    await using cache = await NginxServer.start((place) => {
      const { full } = inFront(place) as { full: string };
      const path = `proxy_cache_path ${place.directory}/shared keys_zone=shared:1m;`;
      return { full: full.replace('access_log off;', `access_log off; ${path}`) };
    });
    const ask = async (target: string) => {
      const response = await fetch(cache.url + target);
      const body = await response.text();
      return {
        body,
        policy: response.headers.get('content-security-policy'),
        how: response.headers.get('x-shared-cache'),
      };
    };
    await hit('/with/page');
    const seen = new Set<string>();
    for (let index = 0; index < 3; index += 1) {
      const { body, policy, how } = await ask('/with/page');
      const [, nonce = ''] = /'nonce-(\w{32})'/.exec(policy ?? '') ?? [];
      expect([how, body]).toEqual(['MISS', page(nonce)]);
      seen.add(nonce);
    }
    expect(seen.size).toBe(3);
    // The control: what may be shared is. nginx sends a response before it stores it, so the next request may come too early on another worker.
    await expect.poll(async () => (await ask('/sees')).how).toBe('HIT');
  });

  it('a page that was stored before the application used nonces stays as it was, until it is purged', async () => {
    // The others do not store the policy of a page.
    if (!flavour.keepsFields) return;
    NoncePagesController.usesNonces = false;
    try {
      const before = await hit('/with/since');
      NoncePagesController.usesNonces = true;
      const after = await hit('/with/since');
      expect(text(after)).toBe('<script src="/a.js"></script>');
      expect(said(after, 'content-security-policy')).toEqual(said(before, 'content-security-policy'));
    } finally {
      NoncePagesController.usesNonces = true;
    }
    await purge('/with/since');
    for (const response of [(await site.twice('/with/since')).first, await hit('/with/since')]) {
      expect(text(response)).toBe(script(nonceOf(response)));
    }
  });

  it('in the copy of a page, which the application sends in place of an error', async () => {
    // Its time may be over before it has come to its place.
    await expect.poll(async () => (await site.twice('/with/short')).outcome).toBe('stored');
    NoncePagesController.fails = true;
    try {
      const seen = new Set<string>();
      await expect
        .poll(async () => {
          const response = await site.get('/with/short');
          expect(text(response)).toBe(script(nonceOf(response)));
          if (said(response, 'cache-status').join().includes('fwd=stale')) seen.add(nonceOf(response));
          return seen.size;
        })
        .toBeGreaterThan(2);
    } finally {
      NoncePagesController.fails = false;
    }
  });

  it('in the copy of a page, while the application is down', async () => {
    if (!site.nginx) return;
    await hit('/with/page');
    await site.app.close();
    const { memcached, root } = site;
    for (const key of await memcached.keys()) if (!key.includes(COPY_MARK)) await memcached.send(`delete ${key}`);
    for (const one of readdirSync(root)) {
      for (const name of readdirSync(join(root, one))) if (name.startsWith(LEASE)) rmSync(join(root, one, name));
    }
    const copies = [await site.get('/with/page'), await site.get('/with/page')];
    for (const copy of copies) {
      expect(said(copy, 'cache-status').join()).toMatch(/^nginx; fwd=stale/);
      expect(text(copy)).toContain(script(nonceOf(copy)));
    }
    expect(nonceOf(copies[0]!)).not.toBe(nonceOf(copies[1]!));
  });
});
