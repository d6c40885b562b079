import { setTimeout as sleep } from 'node:timers/promises';
import type { Site } from './site.js';
import { row } from './terminal.js';
import { visit } from './visit.js';

/** So many pages that each server has some, as a rule. */
const PAGES = 15;
/** Of the list of posts, on which these pages are found. */
const LISTS = ['/', '/?page=2', '/?page=3'];
/** How often the pages are visited until all of them are hits: nginx leaves a server alone for its `fail_timeout` of 2 s after a failure. */
const ROUNDS = 40;
/** Between two rounds, in milliseconds. */
const PAUSE = 250;

/**
 * Shows what happens to the pages of several memcacheds when one of them is stopped, and when it comes back.
 *
 * @param name of the one that is stopped
 * @returns what did not happen as it should have
 */
export async function ringTour(site: Site, name: string): Promise<string[]> {
  const urls = await links(site.url);
  const failures: string[] = [];
  console.log(`\n${urls.length} pages, spread over all memcacheds\n`);
  if (!(await allHits(urls))) failures.push('Not all pages became hits.');
  await site.stopServer(name);
  row('stopped', `${name}: its pages are rendered, those of the others are hits`);
  if ((await visitAll(urls)) === 0) failures.push(`No page was a hit without ${name}.`);
  await site.startMemcached(name);
  row('started', name);
  if (!(await allHits(urls))) failures.push('Not all pages became hits again.');
  return failures;
}

/** The posts, and the tags, that lists of posts lead to. */
async function links(site: string): Promise<string[]> {
  const paths = new Set<string>();
  for (const list of LISTS) {
    const { html } = await visit(site + list, 'nginx');
    for (const [, path = ''] of html.matchAll(/href="(\/(?:posts|tags)\/[\w-]+)"/g)) paths.add(path);
  }
  return Array.from(paths, (path) => site + path).slice(0, PAGES);
}

async function allHits(urls: readonly string[]): Promise<boolean> {
  for (let round = 1; round <= ROUNDS; round += 1) {
    if ((await visitAll(urls)) === urls.length) return true;
    await sleep(PAUSE);
  }
  return false;
}

/** @returns how many were hits */
async function visitAll(urls: readonly string[]): Promise<number> {
  const visits = await Promise.all(urls.map((url) => visit(url, 'nginx')));
  const hits = visits.filter(({ outcome }) => outcome === 'HIT').length;
  row('visits', `${String(hits).padStart(3)} HIT  ${String(urls.length - hits).padStart(3)} MISS`);
  return hits;
}
