import { RuleSet } from '../../../rules/rule-set.js';
import { allRules } from '../../../rules/request-rules.js';
import { rawPath } from '../../../rules/request-head.js';
import { fieldOf } from '../../../operations/ask.js';
import { isHit, outcomeOf } from '../../../operations/outcome.js';
import { exactPage } from '../../../purging/exact-page.js';
import { type Check, type Finding, failed, note, ok, pageOf, skipped } from '../check.js';

/** The reasons that show that both sides do not agree. */
const DISAGREEMENT: Readonly<Record<string, string>> = {
  'key-drift': 'nginx looks for another key than the application',
  nginx: 'nginx bypasses the cache where the application would not',
  'other-configuration': 'nginx, or another process, runs with other options than the application (fingerprint)',
};

/** Addresses that are hard to agree on: both sides must have the same key, or both must leave the cache alone. */
export const keysCheck: Check = {
  name: 'keys',
  async run({ site, options, purge }) {
    if (!site) return [];
    const rules = new RuleSet(allRules(options.rules));
    const host = options.hosts?.[0] ?? site.url.host;
    const findings: Finding[] = [];
    const made: string[] = [];
    let answered = 0;
    for (const target of awkward(pageOf(site))) {
      const asked = await site.ask(target).catch(() => undefined);
      if (!asked || asked.status === 400) continue;
      answered += 1;
      const outcome = outcomeOf(fieldOf(asked, 'cache-status'));
      if (outcome === 'stored' && rawPath(target) !== site.url.pathname) made.push(target);
      const why = DISAGREEMENT[outcome];
      const expected = rules.first({ method: 'GET', target, headers: { host } })?.reason;
      if (why !== undefined) findings.push(failed(`${target}: ${why} (${outcome})`, CURE));
      else if (expected !== undefined && isHit(outcome)) {
        findings.push(failed(`${target} is a hit, and by these options it must not be one (${expected})`, CURE));
      }
    }
    const different = new Map(findings.map((finding) => [finding.what.replace(/^\S+/, ''), finding]));
    const left = await leftBehind(made, () => purge(made.map((target) => exactPage(target, options))));
    if (findings.length > 0) return [...different.values(), ...left];
    return [
      ...left,
      answered === 0
        ? skipped('no awkward address gets an answer', 'Start nginx and the application, or correct the URL.')
        : ok(`nginx and the application agree about ${answered} awkward addresses`),
    ];
  },
};

/** @param purge deletes the pages that the requests of this check have made */
async function leftBehind(made: readonly string[], purge: () => Promise<unknown>): Promise<Finding[]> {
  if (made.length === 0) return [];
  try {
    await purge();
    return [];
  } catch {
    const names = made.map((target) => `'${target}'`).join(' ');
    return [
      note(`this check has made pages that it cannot delete: ${names}`, `Delete them: nginx-cache purge ${names}.`),
    ];
  }
}

const CURE =
  'Write the configuration of nginx again (nginx-cache conf) from the options of the application, reload nginx, and restart the application.';

function awkward(page: string): string[] {
  const [path = '/', query] = page.split(/\?(.*)/s, 2);
  const more = query === undefined ? '?' : `?${query}&`;
  const bare = path.replace(/\/$/, '');
  const open = bare === '' ? '/' : bare;
  return [
    page,
    `${path}${more}utm_source=doctor`,
    `${path}${more}nginx-cache-doctor=%41%zz`,
    `${path}?`,
    `${bare}/`,
    `/${path}`,
    `/.${path}`,
    `${bare}/doctor/%2e%2e/`,
    `${open}%20`,
    `${open};doctor`,
    `${open}+doctor`,
    `${open}%C3%A4`,
    `${bare}/%2F`,
    `${path.toUpperCase()}`,
    `/${'x'.repeat(300)}`,
  ];
}
