import { expect, it } from 'vitest';
import { STORABLE_STATUSES } from '../../lib/http/storable-statuses.js';
import { field } from '../page/raw-pool.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

/** `statuses` of these sites. */
const LISTED = [200, 301, 308, 404, 410];

describeWholeResponses('status codes (RFC 9110, section 15)', (site, platform) => {
  it.each([
    ['15.3.1', 200],
    ['15.4.2', 301],
    ['15.4.9', 308],
    ['15.5.5', 404],
    ['15.5.11', 410],
  ])('section %s: %i is stored when `statuses` says so', async (_, status) => {
    const target = site().answering({ Location: '/elsewhere' }, 'content', status);
    const { first, second, outcome } = await site().twice(target);
    expect(outcome).toBe('stored');
    expect(site().isHit(second)).toBe(true);
    for (const response of [first, second]) {
      expect([response.status, response.body.toString()]).toEqual([status, 'content']);
      expect(values(response, 'location')).toEqual(['/elsewhere']);
    }
    expect(site().answers.calls(target)).toBe(1);
  });

  it.each(STORABLE_STATUSES.filter((status) => status < 500 && !LISTED.includes(status)))(
    'RFC 9111, section 3: %i is stored with explicit freshness only',
    async (status) => {
      const fields = { Location: '/elsewhere', 'WWW-Authenticate': 'Basic' };
      const unsaid = await site().twice(site().answering(fields, 'content', status));
      expect([unsaid.first.status, unsaid.second.status, unsaid.outcome]).toEqual([status, status, `status-${status}`]);
      const target = site().answering({ 'Cache-Control': 'max-age=100', ...fields }, 'content', status);
      const { first, second, outcome } = await site().twice(target);
      expect([outcome, site().isHit(second)]).toEqual(['stored', true]);
      for (const response of [first, second]) {
        expect([response.status, response.body.toString()]).toEqual([status, 'content']);
        for (const [name, value] of Object.entries(fields))
          expect(values(response, name.toLowerCase())).toEqual([value]);
      }
      const head = await site().get(target, {}, 'HEAD');
      expect([head.status, head.body.length]).toEqual([status, 0]);
    },
  );

  it.each([204, 205, 206, 304, 428, 429, 431, 511, 500, 502, 503, 504, 599])(
    '%i is not, with explicit freshness either',
    async (status) => {
      const target = site().answering({ 'Cache-Control': 'max-age=100' }, 'content', status);
      const { first, second, outcome } = await site().twice(target);
      expect([first.status, second.status, outcome]).toEqual([status, status, `status-${status}`]);
      // On a busy machine it may have been asked for again.
      expect(site().answers.calls(target)).toBeGreaterThanOrEqual(2);
    },
  );

  it.each([
    ['max-age=0', 'status-302'],
    ['no-store, max-age=100', 'no-store'],
  ])('302 with %s is not', async (value, reason) => {
    expect(await site().kept({ 'Cache-Control': value, Location: '/elsewhere' }, '', 302)).toEqual([false, reason]);
  });

  it.each([204, 304])('sections 15.3.5 and 15.4.5: %i, which has no content, is not', async (status) => {
    const target = site().answers.add((response) => void response.writeHead(status, { ETag: '"1"' }).end());
    const { second, outcome } = await site().twice(target);
    expect([second.status, outcome]).toEqual([status, `status-${status}`]);
  });

  it.each([301, 302, 303, 307, 308])('section 15.4: a redirect (%i) needs no content', async (status) => {
    for (const location of ['/elsewhere?a=1#b', 'https://example.com/']) {
      const fields = { Location: location, 'Cache-Control': 'max-age=100' };
      const target = site().answers.add((response) => void response.writeHead(status, fields).end());
      const { first, second, outcome } = await site().twice(target);
      expect([outcome, site().isHit(second)]).toEqual(['stored', true]);
      const head = await site().get(target, {}, 'HEAD');
      const gzip = await site().get(target, { 'Accept-Encoding': 'gzip' });
      for (const response of [first, second, head, gzip]) {
        expect([response.status, response.body.length]).toEqual([status, 0]);
        expect(values(response, 'location')).toEqual([location]);
        expect(field(response, 'content-encoding')).toBeUndefined();
      }
      expect(field(second, 'content-length')).toBe('0');
    }
  });

  it.each([200, 404])('but %i without content is no page', async (status) => {
    expect(await site().kept({}, '', status)).toEqual([false, 'empty']);
  });

  it("Nest's @Redirect() is stored if nothing but its address decides", async () => {
    const { first, second, outcome } = await site().twice('/rfc-redirect');
    for (const response of [first, second]) {
      expect([response.status, field(response, 'location')]).toEqual([301, '/elsewhere']);
    }
    // Express's redirect() makes a text for the visitor's `Accept`, and says so in `Vary`.
    expect([outcome, site().isHit(second)]).toEqual(platform === 'express' ? ['vary', false] : ['stored', true]);
  });
});

describeWholeResponses(
  'redirects of Express with excuseVary',
  (site) => {
    it("Nest's @Redirect() is stored", async () => {
      const { first, second, outcome } = await site().twice('/rfc-redirect', { Accept: 'text/html' });
      expect([outcome, site().isHit(second)]).toEqual(['stored', true]);
      expect([second.status, field(second, 'location')]).toEqual([301, '/elsewhere']);
      expect(second.body.equals(first.body)).toBe(true);
    });
  },
  { excuseVary: ['Accept'] },
);

describeWholeResponses(
  'errors of the server that are listed',
  (site) => {
    it.each([500, 502, 503, 504])('%i is stored', async (status) => {
      const { second, outcome } = await site().twice(site().answering({ 'Retry-After': '5' }, 'content', status));
      expect([outcome, site().isHit(second), second.status]).toEqual(['stored', true, status]);
      expect([second.body.toString(), values(second, 'retry-after')]).toEqual(['content', ['5']]);
    });
  },
  { statuses: [200, 500, 502, 503, 504] },
);

describeWholeResponses(
  "with respectCacheControl: 'required'",
  (site) => {
    it('nothing is stored without explicit freshness', async () => {
      expect(await site().kept({})).toEqual([false, 'no-freshness']);
      expect(await site().kept({ 'Cache-Control': 'public' })).toEqual([false, 'no-freshness']);
      expect(await site().kept({ 'Cache-Control': 'max-age=0' })).toEqual([false, 'stale']);
      for (const fields of [{ 'Cache-Control': 'max-age=100' }, { 'CDN-Cache-Control': 's-maxage=100' }]) {
        expect(await site().kept(fields)).toEqual([true, 'stored']);
      }
      expect(await site().kept({ Expires: new Date(Date.now() + 100_000).toUTCString() })).toEqual([true, 'stored']);
      const { outcome } = await site().twice('/rfc-own-ttl');
      expect(outcome).toBe('stored');
    });
  },
  { respectCacheControl: 'required' },
);
