import { describe, expect, it } from 'vitest';
import { forbiddenBy, freshnessLifetime } from '../../lib/http/freshness-lifetime.js';
import { fc } from '../support/random.js';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const at = (offset: number) => new Date(NOW + offset).toUTCString();
const reader = (fields: Record<string, string | string[]>) => (name: string) => [fields[name] ?? []].flat();
const lifetime = (fields: Record<string, string | string[]>) => freshnessLifetime(reader(fields), NOW);

describe('the freshness lifetime of a response', () => {
  it.each([
    ['nothing', {}, undefined],
    ['max-age', { 'cache-control': 'max-age=60' }, 60_000],
    ['names in any case', { 'cache-control': 'Max-Age=60' }, 60_000],
    ['a quoted argument', { 'cache-control': 'max-age="60"' }, 60_000],
    ['s-maxage before max-age', { 'cache-control': 'max-age=60, s-maxage=5' }, 5_000],
    ['s-maxage on a line of its own', { 'cache-control': ['max-age=60', 's-maxage=5'] }, 5_000],
    ['max-age before Expires', { 'cache-control': 'max-age=60', expires: at(5_000) }, 60_000],
    ['Expires', { expires: at(5_000) }, 5_000],
    ['Expires against Date', { expires: at(5_000), date: at(1_000) }, 4_000],
    ['Expires in the past', { expires: at(-5_000) }, 0],
    ['Expires: 0', { expires: '0' }, 0],
    ['Expires that is no HTTP date', { expires: '2027-01-01' }, 0],
    ['Expires in the form of RFC 850', { expires: 'Friday, 20-Nov-26 12:00:05 GMT' }, 5_000],
    ['Expires in the form of asctime', { expires: 'Fri Nov 20 12:00:05 2026' }, 5_000],
    ['two Expires', { expires: [at(50_000), at(5_000)] }, 5_000],
    ['Age', { 'cache-control': 'max-age=60', age: '20' }, 40_000],
    ['Age beyond it', { 'cache-control': 'max-age=60', age: '80' }, 0],
    ['a Date in the past', { 'cache-control': 'max-age=60', date: at(-20_000) }, 40_000],
    ['a Date in the past, with more Age', { 'cache-control': 'max-age=60', date: at(-20_000), age: '30' }, 30_000],
    ['Expires against a Date in the past', { expires: at(5_000), date: at(-20_000) }, 5_000],
    ['a Date in the future', { 'cache-control': 'max-age=60', date: at(20_000) }, 60_000],
    ['an enormous Age', { 'cache-control': 'max-age=60', age: '9'.repeat(400) }, 0],
    ['the first member of Age', { 'cache-control': 'max-age=60', age: '20, 0' }, 40_000],
    ['the first line of Age', { 'cache-control': 'max-age=60', age: ['20', '0'] }, 40_000],
    ['Age whose first member is no number', { 'cache-control': 'max-age=60', age: 'x, 20' }, 60_000],
    ['Age that is no number', { 'cache-control': 'max-age=60', age: 'x' }, 60_000],
    ['max-age without argument', { 'cache-control': 'max-age' }, 0],
    ['max-age that is no number', { 'cache-control': 'max-age=6O' }, 0],
    ['max-age below zero', { 'cache-control': 'max-age=-1' }, 0],
    ['a broken max-age that s-maxage overrides', { 'cache-control': 'max-age=x, s-maxage=5' }, 5_000],
    ['the same max-age twice', { 'cache-control': 'max-age=60, max-age=60' }, 60_000],
    ['two different max-age', { 'cache-control': 'max-age=60, max-age=90' }, 0],
    ['max-age inside of a string', { 'cache-control': 'x="max-age=60"' }, undefined],
    ['max-age behind a broken directive', { 'cache-control': '==, max-age=60' }, 60_000],
    ['an enormous max-age', { 'cache-control': 'max-age=99999999999' }, 2 ** 31 * 1000],
    ['must-revalidate', { 'cache-control': 'max-age=60, must-revalidate' }, 60_000],
    ['CDN-Cache-Control', { 'cdn-cache-control': 'max-age=7', 'cache-control': 'max-age=60' }, 7_000],
    ['CDN-Cache-Control without freshness', { 'cdn-cache-control': 'must-revalidate', expires: at(5_000) }, undefined],
    ['CDN-Cache-Control with parameters', { 'cdn-cache-control': 'max-age=7;x="a,b"' }, 7_000],
    [
      'CDN-Cache-Control that is no dictionary',
      { 'cdn-cache-control': 'max-age=7,,', 'cache-control': 'max-age=60' },
      60_000,
    ],
    [
      'CDN-Cache-Control with a name in upper case',
      { 'cdn-cache-control': 'Max-Age=7', 'cache-control': 'max-age=60' },
      60_000,
    ],
    ['CDN-Cache-Control with a string', { 'cdn-cache-control': 'max-age="7"' }, 0],
    ['an empty CDN-Cache-Control', { 'cdn-cache-control': '', 'cache-control': 'max-age=60' }, 60_000],
  ] as const)('knows %s', (_, fields, expected) => {
    expect(lifetime(fields as unknown as Record<string, string>)).toBe(expected);
  });

  it.each([
    ['no-store', { 'cache-control': 'no-store' }],
    ['no-store', { 'cache-control': 'NO-STORE' }],
    ['no-store', { 'cache-control': ['max-age=60', 'public , no-store'] }],
    ['private', { 'cache-control': 'max-age=60,private="set-cookie"' }],
    ['no-cache', { 'cache-control': 'x=y no-cache, no-cache=foo' }],
    [undefined, { 'cache-control': 'private, max-age=60', 'cdn-cache-control': 'max-age=60' }],
    [undefined, { 'cache-control': 'no-store', 'cdn-cache-control': 'must-revalidate' }],
    ['no-store', { 'cache-control': 'no-store', 'cdn-cache-control': 'Max-Age=60' }],
    ['no-store', { 'cache-control': 'no-store', 'cdn-cache-control': '' }],
    ['no-store', { 'cache-control': 'max-age=60', 'cdn-cache-control': 'no-store' }],
    [undefined, { 'cache-control': 'x="no-store"', 'cdn-cache-control': 'no-store=?0' }],
    [undefined, { 'cache-control': 'x-no-store, no-storex, public' }],
  ])('reads %s', (expected, fields) => {
    expect(forbiddenBy(reader(fields as Record<string, string>))).toBe(expected);
  });

  it('never takes rubbish for a lifetime, and never throws', () => {
    const value = fc.oneof(fc.string(), fc.stringMatching(/^[max\-age="0-9, ;s\\]*$/));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), value, value, value, (control, cdn, expired, aged) => {
        const result = lifetime({ 'cache-control': control, 'cdn-cache-control': cdn, expires: expired, age: aged });
        expect(result === undefined || (result >= 0 && Number.isFinite(result))).toBe(true);
        forbiddenBy(reader({ 'cache-control': control, 'cdn-cache-control': cdn }));
      }),
      { numRuns: 2000 },
    );
  });

  it('finds a forbidding directive among any others', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const other = fc.oneof(
      token,
      fc.tuple(token, fc.oneof(token, fc.stringMatching(/^"[a-z, ]{0,8}"$/))).map((pair) => pair.join('=')),
    );
    fc.assert(
      fc.property(
        fc.array(other),
        fc.constantFrom('no-store', 'private', 'no-cache'),
        fc.array(other),
        (before, name, after) => {
          const line = [...before, name, ...after].join(', ');
          expect(forbiddenBy(reader({ 'cache-control': line }))).toBeDefined();
        },
      ),
    );
  });
});
