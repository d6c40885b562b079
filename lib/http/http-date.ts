/** The forms of a date in HTTP (RFC 9110, section 5.6.7); `Date.parse` takes many more. */
const FIXED = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
const RFC_850 = /^[A-Z][a-z]{2,5}day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d:\d\d:\d\d GMT)$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [\d ]\d \d\d:\d\d:\d\d \d{4}$/;

/**
 * @param now the present, for years with two digits; in milliseconds since the epoch, like the result
 * @returns `undefined` when the value is no date
 */
export function httpDate(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (FIXED.test(value)) return parsed(value);
  if (ASCTIME.test(value)) return parsed(`${value} GMT`);
  const [match, day, month, digits, time] = RFC_850.exec(value) ?? [];
  if (match === undefined) return undefined;
  // A date that seems to be more than 50 years ahead is in the past.
  const limit = new Date(now);
  limit.setUTCFullYear(limit.getUTCFullYear() + 50);
  const century = Math.floor(limit.getUTCFullYear() / 100);
  const ahead = parsed(`${day} ${month} ${century}${digits} ${time}`);
  return ahead !== undefined && ahead > limit.getTime()
    ? parsed(`${day} ${month} ${century - 1}${digits} ${time}`)
    : ahead;
}

function parsed(text: string): number | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
