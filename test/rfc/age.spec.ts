import { expect, it, vi } from 'vitest';
import type { RawResponse } from '../../lib/testing/index.js';
import { NJS_SETS_DATE, njsVersion } from '../support/njs-version.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

/** How old a response is to a cache that gets it now, in seconds (RFC 9111, section 4.2.3). */
function ageDownstream(response: RawResponse): number {
  const [date, ...dates] = values(response, 'date');
  const [age = '0', ...ages] = values(response, 'age');
  expect([dates, ages]).toEqual([[], []]);
  expect(age).toMatch(/^\d+$/);
  expect(new Date(date ?? '').toUTCString()).toBe(date);
  return Math.max(0, (Date.now() - Date.parse(date ?? '')) / 1000, Number(age));
}

describeWholeResponses('the age of a page (RFC 9111, sections 4.2.3 and 5.1)', (site) => {
  it('section 4.2.3: grows while the page is in the cache', async () => {
    const target = site().answering({ 'Cache-Control': 'max-age=100' });
    const { first, second } = await site().twice(target);
    expect(site().isHit(second)).toBe(true);
    expect(ageDownstream(first)).toBeLessThan(30);
    await vi.waitFor(
      async () => {
        const hit = await site().get(target);
        expect(site().isHit(hit)).toBe(true);
        expect(ageDownstream(hit)).toBeGreaterThanOrEqual(2);
        expect(ageDownstream(await site().get(target, { 'If-None-Match': '*' }))).toBeGreaterThanOrEqual(2);
      },
      { timeout: 60_000 },
    );
  });

  it('section 4.2.3: is in the Date, which stays that of the rendering, wherever a Date can be set', async () => {
    const { first, second } = await site().twice(site().answering({ 'Cache-Control': 'max-age=100' }));
    const isDated = site().flavour.name !== 'njs' || (await njsVersion()) >= NJS_SETS_DATE;
    expect(values(first, 'date')).toHaveLength(1);
    if (isDated) expect(values(second, 'date')).toEqual(values(first, 'date'));
  });

  it.each([
    ['Age', () => ({ Age: '40' })],
    ['Date', () => ({ Date: inSeconds(-40) })],
    ['Date and less Age', () => ({ Date: inSeconds(-40), Age: '30' })],
    ['Date and more Age', () => ({ Date: inSeconds(-30), Age: '40' })],
  ] as const)('section 4.2.3: begins with that which the response had, by %s', async (_, fields) => {
    const target = site().answering({ 'Cache-Control': 'max-age=1000', ...fields() });
    const { first, second } = await site().twice(target);
    const notModified = await site().get(target, { 'If-None-Match': '*' });
    expect([site().isHit(second), notModified.status]).toEqual([true, 304]);
    for (const response of [first, second, notModified]) {
      expect(ageDownstream(response)).toBeGreaterThanOrEqual(40);
      expect(ageDownstream(response)).toBeLessThan(70);
    }
  });

  it('section 5.1: is said by all that can count', async () => {
    const { second } = await site().twice(site().answering({ Age: '40' }));
    // srcache cannot: there, it is in the Date alone.
    const [age] = values(second, 'age');
    if (site().flavour.name === 'srcache') expect(age).toBeUndefined();
    else expect(Number(age)).toBeGreaterThanOrEqual(40);
  });

  it('section 4.2.1: leaves no more of Expires than there is', async () => {
    const expires = inSeconds(500);
    const { second } = await site().twice(site().answering({ Expires: expires, Date: inSeconds(-40), Age: '60' }));
    const [date = ''] = values(second, 'date');
    expect(values(second, 'expires')).toEqual([expires]);
    const left = (Date.parse(expires) - Date.parse(date)) / 1000 - ageDownstream(second);
    // Before 0.8.1 njs cannot set the Date, from which it would be all of it.
    const isDated = site().flavour.name !== 'njs' || (await njsVersion()) >= NJS_SETS_DATE;
    expect(left).toBeGreaterThan(isDated ? 470 : 400);
    expect(left).toBeLessThanOrEqual(500);
  });

  it('section 4.2.2: leaves no time to who guesses it from Last-Modified', async () => {
    const { second } = await site().twice(site().answering({ Age: '3600' }));
    const [[date = ''], [modified = '']] = [values(second, 'date'), values(second, 'last-modified')];
    // A tenth of it is what caches take.
    const guessed = (Date.parse(date) - Date.parse(modified)) / 1000 / 10;
    expect(guessed).toBeLessThanOrEqual(ageDownstream(second));
  });
});

describeWholeResponses(
  'clientCacheControl counts from each hit',
  (site) => {
    it('so pages have no age', async () => {
      const fields = { 'Cache-Control': 'max-age=1000', Date: inSeconds(-40), Age: '60' };
      const { first, second } = await site().twice(site().answering(fields));
      expect(site().isHit(second)).toBe(true);
      expect([values(first, 'age'), values(second, 'age')]).toEqual([[], []]);
      expect(ageDownstream(second)).toBeLessThan(30);
      expect(values(second, 'cache-control')).toEqual(['public, max-age=60']);
    });
  },
  { clientCacheControl: 'public, max-age=60' },
);
