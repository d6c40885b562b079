import { setTimeout as sleep } from 'node:timers/promises';

export interface Visit {
  milliseconds: number;
  cacheStatus: string;
  outcome: 'HIT' | 'MISS';
  html: string;
}

/** What `Cache-Status` calls whoever may answer from the cache. */
export type CacheName = 'nginx' | 'nestjs-nginx-cache';

/** Fetches a page the way a visitor would, who is never there within a few milliseconds of the one before. */
export async function visit(url: string, cache: CacheName): Promise<Visit> {
  await sleep(100);
  const start = performance.now();
  const response = await fetch(url);
  const html = await response.text();
  const milliseconds = performance.now() - start;
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  const cacheStatus = response.headers.get('cache-status') ?? 'no Cache-Status';
  // RFC 9211: `hit` is a parameter of the cache that answered.
  const isHit = cacheStatus.split(/, */).some((member) => member === `${cache}; hit`);
  return { milliseconds, cacheStatus, outcome: isHit ? 'HIT' : 'MISS', html };
}

/** @returns how long it took, in milliseconds */
export async function postComment(url: string, author: string, text: string): Promise<number> {
  const start = performance.now();
  const response = await fetch(`${url}/comments`, {
    method: 'POST',
    body: new URLSearchParams({ author, text }),
    redirect: 'manual',
  });
  if (response.status !== 303) throw new Error(`The comment was answered with ${response.status} instead of 303.`);
  return performance.now() - start;
}
