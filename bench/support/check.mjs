// Whoever answers faster because it answers something else is no contender.
import { setTimeout as delay } from 'node:timers/promises';
import { pageAt } from './pages.mjs';

/** The application shall have time to store the pages: one that does nothing but render stores some of them only when they are asked for again. */
const AT_ONCE = 4;

/** In milliseconds. Files take longest: each of 10,000 pages must be on the disk. */
const PATIENCE = 300_000;
const PAUSE = 20;

/**
 * Asks for every page until all of them are cached, and compares.
 *
 * @throws Error for the first page that is not the same, and when pages go on coming from the application
 */
export async function fillAndCheck({ name, url, caches = true, renders }, paths) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const made = await renders();
    const queue = paths.values();
    const visitor = async () => {
      for (const path of queue) await mustBeThePage(name, url, path);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, visitor));
    if (!caches || (await renders()) === made) return;
    if (Date.now() > end) throw new Error(`${name}: pages go on coming from the application`);
    await delay(PAUSE);
  }
}

async function mustBeThePage(name, url, path) {
  const response = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } });
  const text = await response.text();
  const type = response.headers.get('content-type');
  if (response.status !== 200 || !/^text\/html; ?charset=utf-8$/i.test(type)) {
    throw new Error(`${name}: ${path} came with ${response.status} and ${type}`);
  }
  if (text !== pageAt(path)) throw new Error(`${name}: ${path} is another page`);
}
