import { httpDate } from './http-date.js';

/**
 * How long a client is asked to wait (RFC 9110, section 10.2.3).
 *
 * @param now in milliseconds since the epoch
 * @returns in milliseconds; `undefined` when it is neither a number of seconds nor a date
 */
export function retryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value !== undefined && /^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = httpDate(value, now);
  return date === undefined ? undefined : Math.max(0, date - now);
}
