import { describe, expect, it } from 'vitest';
import { RenderingDates } from '../../lib/caching/rendering-dates.js';
import { fc } from '../support/random.js';

/** In whole seconds, as `Last-Modified` says it. */
const NOW = 1_800_000_000_000;

describe('when a page was last modified', () => {
  it('is now, in whole seconds', () => {
    expect(new RenderingDates().of('/page', 'v1', NOW + 999)).toBe(NOW);
  });

  it('is not said of a second version within a second', () => {
    const dates = new RenderingDates();
    const given = ['v1', 'v2', 'v2', 'v1'].map((version, index) => dates.of('/page', version, NOW + index));
    expect(given).toEqual([NOW, undefined, undefined, undefined]);
    expect(dates.of('/page', 'v1', NOW + 1000)).toBe(NOW + 1000);
    expect(dates.of('/page', 'v3', NOW + 10_000)).toBe(NOW + 10_000);
  });

  it('stays as it is when the same version is rendered again', () => {
    const dates = new RenderingDates();
    for (const later of [0, 1, 5000, 3_600_000]) expect(dates.of('/page', 'v1', NOW + later)).toBe(NOW);
    expect(dates.of('/page', 'v2', NOW + 3_600_000)).toBe(NOW + 3_600_000);
  });

  it('of versions that are not known is not the same', () => {
    const dates = new RenderingDates();
    const given = [undefined, undefined, 'v1', undefined].map((version) => dates.of('/page', version, NOW));
    expect(given).toEqual([NOW, undefined, undefined, undefined]);
    expect(dates.of('/page', undefined, NOW + 1000)).toBe(NOW + 1000);
  });

  it('is of one page: another has its own', () => {
    const dates = new RenderingDates();
    expect(['/a', '/b'].map((key) => dates.of(key, 'v1', NOW))).toEqual([NOW, NOW]);
  });

  it('follows a clock that has been set back by more than a minute', () => {
    const dates = new RenderingDates();
    dates.of('/page', 'v1', NOW + 59_000);
    expect(dates.of('/page', 'v1', NOW)).toBeUndefined();
    expect(dates.of('/page', 'v2', NOW)).toBeUndefined();
    expect(dates.of('/page', 'v3', NOW - 1000)).toBe(NOW - 1000);
  });

  it('is forgotten of the page that has not been rendered for longest', () => {
    const dates = new RenderingDates();
    for (let page = 0; page < 2000; page += 1) dates.of(`/${page}`, 'v1', NOW);
    dates.of('/0', 'v1', NOW);
    dates.of('/more', 'v1', NOW);
    expect(dates.of('/0', 'v2', NOW)).toBeUndefined();
    expect(dates.of('/1', 'v2', NOW)).toBe(NOW);
  });

  it('is never the date of another version, nor earlier, while the clock goes on', () => {
    const renderings = fc.array(fc.tuple(fc.constantFrom('v1', 'v2', undefined), fc.integer({ min: 0, max: 2500 })), {
      maxLength: 50,
    });
    fc.assert(
      fc.property(renderings, (all) => {
        const dates = new RenderingDates();
        let now = NOW;
        let last: { version: string | undefined; date: number | undefined } | undefined;
        let latest = 0;
        for (const [version, pause] of all) {
          now += pause;
          const date = dates.of('/page', version, now);
          if (date !== undefined) {
            expect(date % 1000).toBe(0);
            expect(date).toBeLessThanOrEqual(now);
          }
          const isSame = version !== undefined && version === last?.version && last.date !== undefined;
          if (isSame) expect(date).toBe(last?.date);
          else if (date !== undefined) expect(date).toBeGreaterThan(latest);
          latest = Math.max(latest, date ?? 0);
          last = { version, date };
        }
      }),
    );
  });
});
