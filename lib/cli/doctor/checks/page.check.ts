import { reasonOf } from '../../../reasons/reasons.js';
import { askUntilHit } from '../../../operations/ask-until-hit.js';
import { type Check, type ExaminedSite, type Finding, failed, note, ok, pageOf, skipped } from '../check.js';

/** The outcome of an answer without an end. */
const BROKEN = 'broken off';

/** A page misses, and then hits. */
export const pageCheck: Check = {
  name: 'page',
  async run({ site, options }) {
    if (!site) return [skipped('no site was asked', 'Name a page: nginx-cache doctor https://example.com/posts/1.')];
    const outcomes = await untilHit(site);
    const last = outcomes.at(-1)!;
    const page = pageOf(site);
    if (last === 'nginx hit') return [ok(`${page}: ${outcomes.join(', ')}`)];
    if (last === 'hit') {
      return options.flavour === undefined
        ? [ok(`${page}: ${outcomes.join(', ')}, served by the application`)]
        : [
            failed(
              `${page} is served by the application, and not by nginx`,
              'Ask nginx, not the application; or write its configuration: nginx-cache conf.',
            ),
          ];
    }
    if (last === 'stored') {
      return [
        failed(
          `${page} is sent as a page that is stored, and nginx never finds it`,
          'nginx must ask the same memcached (or read the same directory) as the application: compare `store` with the upstream in nginx. ' +
            'If they agree, something keeps the page out after its head was sent: nginx-cache why says more.',
        ),
      ];
    }
    if (last === BROKEN) {
      return [
        failed(
          `the answer of ${page} breaks off before its end, and such a page is not stored`,
          'Look for the error in the log of the application.',
        ),
      ];
    }
    // The check of the fields says which ones, and what to do.
    return last.startsWith('header-') ? [] : [refusal(page, last)];
  },
};

function refusal(page: string, outcome: string): Finding {
  const reason = reasonOf(outcome);
  if (outcome === 'no Cache-Status') {
    return failed(
      `${page} has no Cache-Status: no handler of Nest has answered`,
      'Name an address that is a page of the application.',
    );
  }
  if (outcome === 'no-handler')
    return note(`${page} is no page: no handler of Nest has answered`, 'Name an address that is one.');
  return failed(
    `${page} is not cached (${outcome}): ${reason?.why ?? 'a listener or `skipIf` says so'}`,
    sentence(reason?.cure ?? 'ask the listener that says so'),
  );
}

/** @returns the outcome of each request */
export async function untilHit(site: ExaminedSite): Promise<string[]> {
  const answers = await askUntilHit(site.ask, pageOf(site));
  if (answers.length === 0) throw new Error(`${site.url.host} does not answer`);
  return answers.map(({ outcome, isBroken }) => (isBroken ? BROKEN : outcome));
}

export function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
