import { settings } from '../settings.js';
import { row } from './terminal.js';
import { logIn, postComment, visit, visitStored, type CacheName, type Visit } from './visit.js';

const COMMENT = 'Written by the tour: this sentence was not on the page before.';

const SHARED =
  'The same page for two readers: it is stored once, and only a part of its header is made for each of them';

/**
 * Shows on one page what the page cache does: miss, hit, a comment, miss, hit; then the same page for two readers.
 *
 * @param cache must answer the hits
 * @returns what did not happen as it should have
 */
export async function tour(site: string, cache: CacheName): Promise<string[]> {
  const path = await firstPost(site, cache);
  const page = site + path;
  const { name } = settings.reader;
  const cookie = await logIn(site, settings.reader);
  const failures: string[] = [];
  const see = async (label: string, expected: Visit['outcome'], withComment: boolean): Promise<void> => {
    const { outcome, milliseconds, cacheStatus, html } = await (expected === 'HIT' ? visitStored : visit)(page, cache);
    visitRow(label, milliseconds, outcome, cacheStatus);
    if (outcome !== expected) failures.push(`The ${label} was a ${outcome}, not a ${expected}: ${cacheStatus}`);
    if (html.includes(COMMENT) !== withComment) {
      failures.push(
        `The ${label} ${withComment ? 'did not show the comment' : 'showed a comment nobody had written'}.`,
      );
    }
  };
  const read = async (reader: string, bar: string, own?: string): Promise<void> => {
    const { outcome, milliseconds, cacheStatus, html } = await visitStored(page, cache, own);
    const shown = / class="reader"[^>]*>([^<]*)</.exec(html)?.[1] ?? 'nothing';
    visitRow(reader, milliseconds, outcome, `${cacheStatus}   in its header: ${shown}`);
    if (outcome !== 'HIT') failures.push(`${reader} got a ${outcome}, not a HIT: ${cacheStatus}`);
    if (shown !== bar) failures.push(`The header for ${reader} said ${shown}, not ${bar}.`);
  };

  console.log(`\nOne page, visited again and again: ${path}\n`);
  await see('1st visit', 'MISS', false);
  await see('2nd visit', 'HIT', false);
  const took = await postComment(page, { author: name, text: COMMENT, cookie });
  visitRow('comment', took, '', 'saved, and every page that shows it purged');
  await see('3rd visit', 'MISS', true);
  await see('4th visit', 'HIT', true);

  console.log(`\n${SHARED}\n`);
  await read(name, `${name}: 1 comment`, cookie);
  await read('nobody', 'Log in');
  return failures;
}

/** Visits the index and another post too, so that no time of the tour is one of starting up. */
async function firstPost(site: string, cache: CacheName): Promise<string> {
  const { html } = await visit(`${site}/`, cache);
  const [path, other] = new Set([...html.matchAll(/href="(\/posts\/[\w-]+)"/g)].map(([, found]) => found));
  if (!path || !other) throw new Error('The blog has no posts to visit.');
  await visit(site + other, cache);
  await visit(site + other, cache);
  return path;
}

function visitRow(label: string, milliseconds: number, outcome: string, remark: string): void {
  row(label, `${milliseconds.toFixed(1).padStart(6)} ms  ${outcome.padEnd(4)}  ${remark}`);
}
