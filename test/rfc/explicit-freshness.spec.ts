import { expect, it, vi } from 'vitest';
import { describeWholeResponses } from './support/whole-responses.js';

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

describeWholeResponses('explicit freshness (RFC 9111, section 4.2)', (site) => {
  it.each([
    ['max-age', () => ({ 'Cache-Control': 'max-age=100' }), 100],
    ['s-maxage before max-age', () => ({ 'Cache-Control': 'max-age=100, s-maxage=200' }), 200],
    ['s-maxage before Expires', () => ({ 'Cache-Control': 's-maxage=200', Expires: inSeconds(50) }), 200],
    ['max-age before Expires', () => ({ 'Cache-Control': 'max-age=100', Expires: inSeconds(50) }), 100],
    ['Expires less Date', () => ({ Expires: inSeconds(150), Date: inSeconds(0) }), 150],
    ['of two lines', () => ({ 'Cache-Control': ['public', 'max-age=100'] }), 100],
  ] as const)('section 4.2.1: the lifetime is %s', async (_, fields, seconds) => {
    const asked = Date.now();
    const lifetime = await site().lifetime(fields());
    // The dates are in whole seconds, and one may have begun meanwhile.
    expect(lifetime).toBeGreaterThan(seconds - 3 - (Date.now() - asked) / 1000);
    expect(lifetime).toBeLessThanOrEqual(seconds);
  });

  it.each([
    ['Age', () => ({ 'Cache-Control': 'max-age=100', Age: '40' })],
    ['its Date', () => ({ 'Cache-Control': 'max-age=100', Date: inSeconds(-40) })],
    ['the greater of both', () => ({ 'Cache-Control': 'max-age=100', Date: inSeconds(-10), Age: '40' })],
  ] as const)('section 4.2.3: less its age, by %s', async (_, fields) => {
    const asked = Date.now();
    const lifetime = await site().lifetime(fields());
    expect(lifetime).toBeGreaterThan(57 - (Date.now() - asked) / 1000);
    expect(lifetime).toBeLessThanOrEqual(60);
  });

  it.each([
    ['max-age=0', { 'Cache-Control': 'max-age=0' }],
    ['s-maxage=0', { 'Cache-Control': 'max-age=100, s-maxage=0' }],
    ['Expires in the past', { Expires: 'Sun, 06 Nov 1994 08:49:37 GMT' }],
    ['Expires: 0 (section 5.3)', { Expires: '0' }],
    ['Expires with a year of two digits that is past', { Expires: 'Sunday, 06-Nov-94 08:49:37 GMT' }],
    ['the first member of Age (section 5.1)', { 'Cache-Control': 'max-age=3600', Age: '7200, 0' }],
    ['Age beyond max-age', { 'Cache-Control': 'max-age=100', Age: '100' }],
    ['max-age twice, with different values', { 'Cache-Control': 'max-age=10, max-age=20' }],
    ['max-age that is no number', { 'Cache-Control': 'max-age=1h' }],
  ])('section 4.2.1: %s is stale, and not stored', async (_, fields) => {
    expect(await site().kept(fields)).toEqual([false, 'stale']);
  });

  it('section 4.2.4: a stale page is not served, also without must-revalidate', async () => {
    const target = site().answering({ 'Cache-Control': 'max-age=1' });
    const { outcome } = await site().twice(target);
    expect(outcome).toBe('stored');
    await vi.waitFor(async () => expect(site().isHit(await site().get(target))).toBe(false), { timeout: 60_000 });
  });
});
