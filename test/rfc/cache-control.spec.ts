import { expect, it } from 'vitest';
import { describeWholeResponses, values } from './support/whole-responses.js';

describeWholeResponses('Cache-Control of responses (RFC 9111, section 5.2.2)', (site) => {
  it.each([
    ['5.2.2.4', 'no-cache', 'no-cache'],
    ['5.2.2.4', 'max-age=100, no-cache="X-Field"', 'no-cache'],
    ['5.2.2.5', 'no-store', 'no-store'],
    ['5.2.2.5', 'public, max-age=100, No-Store', 'no-store'],
    ['5.2.2.7', 'private', 'private'],
    ['5.2.2.7', 'max-age=100, private="X-Field, X-Other"', 'private'],
    // No lists, but what they mean is clear.
    ['5.2.2.7', 'private; max-age=100', 'private'],
    ['5.2.2.7', 'max-age=100 private', 'private'],
    ['5.2.2.5', 'public; max-age=100; no-store', 'no-store'],
  ])('section %s: %s is not stored', async (_, value, reason) => {
    const target = site().answering({ 'Cache-Control': value });
    const { first, second, outcome } = await site().twice(target);
    expect([site().isHit(second), outcome]).toEqual([false, reason]);
    // On a busy machine it may have been asked for again.
    expect(site().answers.calls(target)).toBeGreaterThanOrEqual(2);
    for (const response of [first, second]) {
      expect(values(response, 'cache-control')).toEqual([value]);
      expect([values(response, 'etag'), values(response, 'last-modified')]).toEqual([[], []]);
    }
  });

  it('section 4.2.1: a second line is not overlooked', async () => {
    expect(await site().kept({ 'Cache-Control': ['max-age=100', 'no-store'] })).toEqual([false, 'no-store']);
  });

  it.each([
    ['5.2.2.2', 'must-revalidate, max-age=100'],
    ['5.2.2.6', 'no-transform, max-age=100'],
    ['5.2.2.8', 'proxy-revalidate, max-age=100'],
    ['5.2.2.9', 'public'],
    ['5.2.3', 'max-age=100, community="UCI"'],
    ['5.2.3', 'max-age=100, extension="no-store, private"'],
  ])('section %s: %s is stored, and comes back', async (_, value) => {
    const { second, outcome } = await site().twice(site().answering({ 'Cache-Control': value }));
    expect([site().isHit(second), outcome]).toEqual([true, 'stored']);
    expect(values(second, 'cache-control')).toEqual([value]);
  });

  it.each([
    ['max-age=100', 'no-store', 'no-store'],
    ['no-store', 'max-age=100', 'stored'],
    ['private', 'max-age=100', 'stored'],
    ['no-cache', 's-maxage=100, max-age=0', 'stored'],
    ['max-age=0', 'max-age=100', 'stored'],
    ['max-age=100', 'max-age=0', 'stale'],
    ['max-age=100', 'no-store, max-age=-1', 'no-store'],
    ['max-age=100', 'no-cache=("x-one" "x-two"), a=1.5;b=-2, c=:YQ==:', 'no-cache'],
    ['max-age=100', 'max-age=0.5', 'stale'],
    ['no-store', 'max-age=100, a=(b c', 'no-store'],
    ['no-store', 'max-age=100,,', 'no-store'],
    ['no-store', '', 'no-store'],
  ])(
    'RFC 9213, section 2.2: of %j and, for CDNs, %j the latter counts if it is valid',
    async (general, targeted, outcome) => {
      const fields = { 'Cache-Control': general, 'CDN-Cache-Control': targeted };
      const { second, outcome: is } = await site().twice(site().answering(fields));
      expect([is, site().isHit(second)]).toEqual([outcome, outcome === 'stored']);
      // Browsers go on by theirs.
      expect(values(second, 'cache-control')).toEqual([general]);
    },
  );
});
