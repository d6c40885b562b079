import { describe, expect, it } from 'vitest';
import { httpDate } from '../../lib/http/http-date.js';
import { fc } from '../support/random.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** As RFC 850 had it. */
function rfc850(date: Date): string {
  const [, day, month, year = '', time] = date.toUTCString().split(' ');
  return `${DAYS[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
}

/** As C's asctime() has it. */
function asctime(date: Date): string {
  const [weekday = '', day, month, year, time] = date.toUTCString().split(' ');
  return `${weekday.slice(0, 3)} ${month} ${day?.replace(/^0/, ' ')} ${time} ${year}`;
}

/** @param from in years from `now` */
const dates = (now: number, from: number, to: number) => {
  const year = new Date(now).getUTCFullYear();
  const at = (years: number) => new Date(now).setUTCFullYear(year + years) / 1000;
  return fc.integer({ min: Math.ceil(at(from)), max: Math.floor(at(to)) }).map((seconds) => new Date(seconds * 1000));
};
const present = fc.date({ min: new Date('1970-06-15'), max: new Date('2200-01-01'), noInvalidDate: true });

describe('a date in HTTP (RFC 9110, section 5.6.7)', () => {
  it('is the same in each of its forms', () => {
    fc.assert(
      fc.property(
        present.chain((now) => dates(+now, -49, 49).map((date) => [+now, date] as const)),
        ([now, date]) => {
          for (const text of [date.toUTCString(), rfc850(date), asctime(date)]) {
            expect([text, httpDate(text, now)]).toEqual([text, date.getTime()]);
          }
        },
      ),
    );
  });

  it('with a year of two digits is never more than 50 years ahead', () => {
    expect(httpDate('Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(2026, 10, 28))).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
    expect(httpDate('Friday, 06-Nov-70 08:49:37 GMT', Date.UTC(2026, 10, 28))).toBe(Date.UTC(2070, 10, 6, 8, 49, 37));
    expect(httpDate('Saturday, 28-Nov-76 00:00:00 GMT', Date.UTC(2026, 10, 28))).toBe(Date.UTC(2076, 10, 28));
    expect(httpDate('Sunday, 28-Nov-76 00:00:01 GMT', Date.UTC(2026, 10, 28))).toBe(Date.UTC(1976, 10, 28, 0, 0, 1));
    expect(httpDate('Wednesday, 01-Jan-03 00:00:00 GMT', Date.UTC(2097, 0, 1))).toBe(Date.UTC(2103, 0, 1));
  });

  it.each([
    undefined,
    '',
    '0',
    '2026-11-28',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sunday, 06-Nox-94 08:49:37 GMT',
  ])('is not %j', (text) => {
    expect(httpDate(text)).toBeUndefined();
  });
});
