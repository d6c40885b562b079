import { type Check, type Finding, failed, ok, pageOf } from '../check.js';

/** Clocks set by NTP differ by less than this, in seconds. memcached counts whole seconds, and counts late if its machine is busy. */
const TOLERANCE = 10;

/** @param difference in seconds */
export function isOff(difference: number): boolean {
  return Math.abs(difference) > TOLERANCE;
}

/** @param difference in seconds */
export function wrongClock(name: string, difference: number): Finding {
  const away = difference > 0 ? 'ahead of' : 'behind';
  return failed(
    `the clock of ${name} is ${Math.abs(difference)} s ${away} that of this machine`,
    'Let NTP set the clocks (timedatectl set-ntp true): purges of other processes are compared by time.',
  );
}

/** The clock of nginx and of the application behind it, as far as `Date` tells. */
export const clockCheck: Check = {
  name: 'clocks',
  async run({ site }) {
    if (!site) return [];
    const now = Date.now();
    const asked = await site.ask(pageOf(site), { authorization: 'Basic ZG9jdG9yOg==' });
    const date = Date.parse(asked.headers.date ?? '');
    if (Number.isNaN(date)) return [];
    const difference = Math.round((date - now) / 1000);
    return [
      isOff(difference) ? wrongClock(site.url.host, difference) : ok(`${site.url.host} has the time of this machine`),
    ];
  },
};
