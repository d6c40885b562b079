import { setTimeout as sleep } from 'node:timers/promises';

/** How long storing a page may take, in milliseconds. */
const STORING = 10_000;

export interface Visit {
  milliseconds: number;
  cacheStatus: string;
  outcome: 'HIT' | 'MISS';
  html: string;
}

/** What `Cache-Status` calls whoever may answer from the cache. */
export type CacheName = 'nginx' | 'nestjs-nginx-cache';

/**
 * Fetches a page the way a visitor would, who is never there within a few milliseconds of the one before.
 *
 * @param cookie of a reader who has logged in
 */
export async function visit(url: string, cache: CacheName, cookie?: string): Promise<Visit> {
  await sleep(100);
  const start = performance.now();
  const response = await fetch(url, { headers: cookie === undefined ? {} : { cookie } });
  const html = await response.text();
  const milliseconds = performance.now() - start;
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  const cacheStatus = response.headers.get('cache-status') ?? 'no Cache-Status';
  // RFC 9211: `hit` is a parameter of the cache that answered.
  const isHit = cacheStatus.split(/, */).some((member) => member === `${cache}; hit`);
  return { milliseconds, cacheStatus, outcome: isHit ? 'HIT' : 'MISS', html };
}

/**
 * The same for a page that has just been rendered: on a busy machine, it may be stored after the next visitor has come.
 *
 * @returns the first hit, or what is there instead after `STORING`
 */
export async function visitStored(url: string, cache: CacheName, cookie?: string): Promise<Visit> {
  for (const end = Date.now() + STORING; ;) {
    const seen = await visit(url, cache, cookie);
    if (seen.outcome === 'HIT' || Date.now() > end) return seen;
  }
}

/** @returns the cookie of the session */
export async function logIn(site: string, who: { name: string; password: string }): Promise<string> {
  const response = await send(`${site}/login`, who);
  return response.headers.getSetCookie().join().split(';')[0] ?? '';
}

export interface NewComment {
  author: string;
  text: string;
  /** Of the reader who writes it. */
  cookie: string;
}

/** @returns how long it took, in milliseconds */
export async function postComment(url: string, { author, text, cookie }: NewComment): Promise<number> {
  const start = performance.now();
  await send(`${url}/comments`, { author, text }, { cookie });
  return performance.now() - start;
}

/** Sends a form, which leads to a page. */
async function send(
  url: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' });
  if (response.status !== 303) throw new Error(`The form for ${url} was answered with ${response.status}, not 303.`);
  return response;
}
