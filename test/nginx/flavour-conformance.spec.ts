import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { PLATFORMS } from '../support/applications.js';
import { extraTime } from '../support/extra-time.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { ODD_FIELDS } from '../support/flavour-pages.controller.js';

const GZIP = { 'Accept-Encoding': 'gzip' };
const HTML = ['/value', '/render', '/res', '/streamable', '/buffer', '/chunked', '/size/1', '/size/70000'];
const LARGE = ['/incompressible', '/compressible'];
const OTHER_TYPES = ['/json', '/feed'];
const QUERIES = ['/query', '/query?page=2', '/query?page=', '/query?page=%C3%A4%2F+%3F'];

/** What every hop makes anew, or what only a hit or only a miss has to say. */
const NOT_COMPARED = new Set(
  'connection keep-alive date age server transfer-encoding content-length cache-status'.split(' ').concat(
    // What nginx has to say itself, or does not keep with a body.
    'content-encoding vary etag last-modified accept-ranges x-powered-by'.split(' '),
  ),
);

function content(response: RawResponse): Buffer {
  return field(response, 'content-encoding') === 'gzip' ? gunzipSync(response.body) : response.body;
}

/** In an order of their own: nginx writes `Content-Type` itself, before the others. */
function fields(response: RawResponse): [string, string][] {
  return response.headers
    .filter(([name]) => !NOT_COMPARED.has(name.toLowerCase()))
    .map(([name, value]): [string, string] => [/^content-type$/i.test(name) ? 'Content-Type' : name, value])
    .toSorted(([a], [b]) => a.localeCompare(b));
}

describe.each(FLAVOURS)('pages of the flavour $name', (flavour) => {
  describe.each(PLATFORMS)('on %s', (platform) => {
    let site: FlavourSite;
    beforeAll(async () => {
      site = await startFlavour(flavour, platform);
    });
    afterAll(async () => {
      await site?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      await site.app.get(PageCacheService).purgeAll();
    });

    const asksMemcached = flavour.flavour !== undefined && flavour.flavour !== 'files';
    /** Whether the flavour can keep it. */
    const keeps = (direct: RawResponse) =>
      flavour.statuses.includes(direct.status) &&
      (flavour.keepsFields ||
        (field(direct, 'content-type') === 'text/html; charset=utf-8' && !field(direct, 'x-long')));

    const targets = [...HTML, ...LARGE, ...OTHER_TYPES, ...QUERIES, '/odd', '/validated', '/moved', '/moved-for-good'];
    it.each(
      [...targets, '/missing', '/gone'].flatMap(
        (target) =>
          [
            [target, {}],
            [target, GZIP],
          ] as const,
      ),
    )('gives %s as the application does, to a client that sends %o', async (target, accept) => {
      const direct = await site.direct(target);
      const { first, second, outcome } = await site.twice(target, accept);
      for (const response of [first, second]) {
        expect(response.status).toBe(direct.status);
        expect(content(response).equals(direct.body)).toBe(true);
        expect(fields(response)).toEqual(fields(direct));
      }
      expect(outcome === 'stored').toBe(keeps(direct));
      if (keeps(direct)) expect(field(second, 'cache-status')).toBe(site.hit);
      else expect(field(second, 'cache-status')).not.toContain('hit');
      if (accept !== GZIP) expect(field(second, 'content-encoding')).toBeUndefined();
      else if (keeps(direct) && /^\/(compressible|size\/70000)/.test(target)) {
        expect(field(second, 'content-encoding')).toBe('gzip');
        expect(field(second, 'vary')).toBe('Accept-Encoding');
      }
    });

    it('keeps one page for each value of an allowed parameter', async () => {
      await site.twice('/query?page=1');
      const { second } = await site.twice('/query?page=2');
      expect(second.body.toString()).toBe('<h1>page 2</h1>');
      expect((await site.get('/query?page=1')).body.toString()).toBe('<h1>page 1</h1>');
      expect(field(await site.get('/query?page=1'), 'cache-status')).toBe(site.hit);
      expect(field(await site.get('/query?other=1'), 'cache-status')).not.toContain('hit');
    });

    it.runIf(flavour.keepsFields)('keeps order, case, repetition and every byte of header fields', async () => {
      const { second } = await site.twice('/odd', GZIP);
      expect(field(second, 'cache-status')).toBe(site.hit);
      const names = new Set(ODD_FIELDS.map(([name]) => name));
      expect(second.headers.filter(([name]) => names.has(name))).toEqual(ODD_FIELDS);
    });

    it.each([{}, GZIP])('answers HEAD like GET, without the content, to a client that sends %o', async (accept) => {
      for (const target of ['/value', '/compressible', '/odd', '/missing', '/moved']) {
        const { second: get } = await site.twice(target, accept);
        const head = await site.get(target, accept, 'HEAD');
        expect(head.status).toBe(get.status);
        expect(head.body).toHaveLength(0);
        expect(fields(head)).toEqual(fields(get));
        if (!flavour.validates || field(head, 'cache-status') !== site.hit) continue;
        // A length that is not known before the content is unpacked is not known to HEAD either.
        const all = (response: RawResponse) =>
          response.headers.filter(([name]) => !/^(date|age|transfer-encoding)$/i.test(name));
        expect(all(head)).toEqual(all(get));
      }
    });

    it.runIf(flavour.validates).each([{}, GZIP])('answers conditional requests of %o by itself', async (accept) => {
      for (const target of ['/value', '/compressible', '/validated']) {
        const { first, second } = await site.twice(target, accept);
        // A test before this one may have rendered it within this second.
        const [tag = '', modified] = [field(second, 'etag'), field(second, 'last-modified')];
        const opaque = tag.replace('W/', '');
        const date = Date.parse(modified ?? new Date().toUTCString());
        const later = new Date(date + 60_000).toUTCString();
        const earlier = new Date(date - 60_000).toUTCString();
        const not = [
          { 'If-None-Match': tag },
          { 'If-None-Match': `W/${opaque}` },
          // As it came with the page when that was rendered.
          { 'If-None-Match': field(first, 'etag') ?? '' },
          { 'If-None-Match': `"other", W/"x",${opaque} , "y"` },
          { 'If-None-Match': '*' },
          ...(modified === undefined ? [] : [modified, later]).map((since) => ({ 'If-Modified-Since': since })),
          // RFC 9110, section 13.1.3: the second is ignored. nginx itself wants both to say so.
          ...(flavour.name === 'srcache' ? [] : [{ 'If-None-Match': tag, 'If-Modified-Since': earlier }]),
        ];
        const whole = [
          { 'If-None-Match': '"other"' },
          { 'If-None-Match': opaque.slice(0, -2) + '"' },
          { 'If-None-Match': '"other"', 'If-Modified-Since': later },
          { 'If-Modified-Since': earlier },
          { 'If-Modified-Since': 'yesterday' },
        ];
        for (const condition of not) {
          const response = await site.get(target, { ...accept, ...condition });
          expect([condition, response.status]).toEqual([condition, 304]);
          expect(response.body).toHaveLength(0);
          expect(field(response, 'etag')?.replace('W/', '')).toBe(opaque);
          expect(field(response, 'last-modified')).toBe(modified);
          expect(field(response, 'vary')).toBe(field(second, 'vary'));
          for (const name of ['content-type', 'content-length', 'content-encoding']) {
            expect(field(response, name)).toBeUndefined();
          }
          expect(field(response, 'cache-status')).toBe(site.hit);
        }
        for (const condition of whole) {
          const response = await site.get(target, { ...accept, ...condition });
          expect([condition, response.status]).toEqual([condition, 200]);
          expect(response.body.equals(second.body)).toBe(true);
        }
      }
    });

    it.runIf(flavour.validates).each([{}, GZIP])(
      'shows %o the same validators on a miss and on a hit',
      async (accept) => {
        for (const target of [...HTML, ...LARGE, ...OTHER_TYPES, '/odd', '/validated', '/missing', '/gone', '/moved']) {
          const { first, second } = await site.twice(target, accept);
          expect(field(second, 'cache-status')).toBe(site.hit);
          const [onMiss = '', onHit = ''] = [field(first, 'etag'), field(second, 'etag')];
          expect([target, onMiss.replace('W/', '')]).toEqual([target, onHit.replace('W/', '')]);
          expect(onHit).toMatch(/^(W\/)?".+"$/);
          // The same bytes, if both are strong (RFC 9110, section 8.8.3).
          if (!onMiss.startsWith('W/') && !onHit.startsWith('W/')) {
            expect(field(first, 'content-encoding')).toBe(field(second, 'content-encoding'));
            expect(first.body.equals(second.body)).toBe(true);
          }
          expect(field(first, 'last-modified')).toBe(field(second, 'last-modified'));
        }
      },
    );

    it.runIf(flavour.validates)(
      'gives content the same ETag in every rendering, if it is sent in one piece',
      async () => {
        for (const target of ['/value', '/compressible', '/odd']) {
          const { first } = await site.twice(target);
          await site.app.get(PageCacheService).purgeAll();
          const { first: again } = await site.twice(target);
          expect(field(again, 'cache-status')).toContain('fwd=miss');
          expect(field(again, 'etag')).toBe(field(first, 'etag'));
          await site.app.get(PageCacheService).refresh(target);
          const refreshed = await site.get(target);
          expect(field(refreshed, 'cache-status')).toBe(site.hit);
          expect(field(refreshed, 'etag')?.replace('W/', '')).toBe(field(first, 'etag')?.replace('W/', ''));
        }
      },
    );

    it.runIf(!flavour.validates)('makes no validators where nginx would not know them', async () => {
      const { first, outcome } = await site.twice('/chunked');
      expect([outcome, field(first, 'etag'), field(first, 'last-modified')]).toEqual(['stored', undefined, undefined]);
    });

    it.runIf(flavour.validates)('keeps the validators of the application, and makes the others', async () => {
      const { second: own } = await site.twice('/validated', GZIP);
      expect(field(own, 'etag')).toBe('"own, with a comma"');
      expect(field(own, 'last-modified')).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
      const before = Date.now() - 1000;
      let { second: packed } = await site.twice('/compressible', GZIP);
      // Another rendering of this second has the date.
      while (field(packed, 'last-modified') === undefined) {
        await site.app.get(PageCacheService).purgeAll();
        ({ second: packed } = await site.twice('/compressible', GZIP));
      }
      expect(field(packed, 'etag')).toMatch(/^"[\w-]{27}"$/);
      expect(Date.parse(field(packed, 'last-modified') ?? '')).toBeGreaterThanOrEqual(before);
      // Unpacked, it is another representation.
      expect(field(await site.get('/compressible'), 'etag')).toBe(`W/${field(packed, 'etag')}`);
      expect(field(await site.get('/compressible', { 'Accept-Encoding': 'br, gzip;q=0' }), 'etag')).toMatch(/^W\//);
      expect(field(await site.get('/compressible', { 'Accept-Encoding': 'br, gzip;q=0.5' }), 'etag')).toMatch(/^"/);
    });

    it('leaves preconditions and ranges of pages that are stored to those who know', async () => {
      await site.twice('/value');
      const whole = await site.get('/value');
      expect((await site.get('/value', { 'If-Match': '"other"' })).status).not.toBe(304);
      const range = await site.get('/value', { Range: 'bytes=0-3' });
      const expected = range.status === 206 ? whole.body.subarray(0, 4) : whole.body;
      expect(range.body.equals(expected)).toBe(true);
    });

    it.runIf(asksMemcached)('leaves the answer to the application when memcached has something else', async () => {
      const direct = await site.direct('/value');
      const stored = await site.twice('/value');
      expect(stored.outcome).toBe('stored');
      const key = (await site.memcached.keys()).find((one) => one.endsWith('/value')) ?? '';
      const garbage = ['', '\r\n\r\n', 'HTTP/1.1 ', 'HTTP/1.1 200 OK', 'HTTP/1.1 20x OK\r\n\r\n', 'x: y\r\n\r\nbody'];
      for (const value of flavour.keepsFields ? [...garbage, '<h1>a body</h1>'] : []) {
        await site.memcached.send(`set ${key} 0 0 ${value.length}\r\n${value}`);
        site.log.forget();
        const response = await site.get('/value');
        expect([value, response.status, response.body.equals(direct.body)]).toEqual([value, 200, true]);
        expect(field(response, 'cache-status')).toBe('nestjs-nginx-cache; fwd=miss; stored');
        await site.log.outcome('/value');
      }
    });

    it.runIf(asksMemcached)('leaves the answer to the application when memcached is down or stopped', async () => {
      await using impatient = await startFlavour(flavour, platform, {}, { isPatient: false });
      const direct = await impatient.direct('/value');
      await impatient.twice('/value', GZIP);
      impatient.memcached.pause();
      const ask = () => impatient.get('/value', GZIP);
      const bypass = () => impatient.get('/value', { ...GZIP, Cookie: 'session=1' });
      const { extra, result: slow } = await extraTime(100, ask, bypass);
      expect(extra).toBeLessThan(100);
      impatient.memcached.resume();
      await impatient.memcached.kill();
      const down = await ask();
      await impatient.memcached.restart();
      for (const response of [slow, down]) {
        expect(response.status).toBe(200);
        expect(content(response).equals(direct.body)).toBe(true);
        expect(field(response, 'cache-status')).not.toContain('hit');
      }
    });
  });
});
