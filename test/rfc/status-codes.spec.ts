import { expect, it } from 'vitest';
import { field } from '../page/raw-pool.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

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

  it.each([
    ['15.3.2', 201],
    ['15.3.4', 203],
    ['15.3.7', 206],
    ['15.4.3', 302],
    ['15.4.4', 303],
    ['15.4.8', 307],
    ['15.5.1', 400],
    ['15.5.4', 403],
    ['15.6.1', 500],
    ['15.6.4', 503],
  ])('section %s: %i is not, with explicit freshness either', async (_, status) => {
    const target = site().answering({ 'Cache-Control': 'max-age=100', Location: '/elsewhere' }, 'content', status);
    const { first, second, outcome } = await site().twice(target);
    expect([first.status, second.status, outcome]).toEqual([status, status, `status-${status}`]);
    expect(site().answers.calls(target)).toBe(2);
  });

  it.each([204, 304])('sections 15.3.5 and 15.4.5: %i, which has no content, is not', async (status) => {
    const target = site().answers.add((response) => void response.writeHead(status, { ETag: '"1"' }).end());
    const { second, outcome } = await site().twice(target);
    expect([second.status, outcome]).toEqual([status, `status-${status}`]);
  });

  it.each([301, 308])('section 15.4: a redirect (%i) needs no content', async (status) => {
    for (const location of ['/elsewhere?a=1#b', 'https://example.com/']) {
      const target = site().answers.add((response) => void response.writeHead(status, { Location: location }).end());
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
