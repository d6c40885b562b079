import { allRules, type RequestRules } from '../../../rules/request-rules.js';
import { RuleSet } from '../../../rules/rule-set.js';
import { fieldOf } from '../../../operations/ask.js';
import { isHit, outcomeOf } from '../../../operations/outcome.js';
import { type Check, failed, ok, pageOf } from '../check.js';

/** A visitor who may be logged in gets no stored page. */
export const cookieCheck: Check = {
  name: 'cookies',
  async run({ site, options }) {
    if (!site || !options.anonymousOnly) return [];
    const cookie = sessionCookie(options.rules, options.hosts?.[0] ?? 'localhost');
    if (cookie === undefined) return [];
    const outcome = outcomeOf(fieldOf(await site.ask(pageOf(site), { cookie }), 'cache-status'));
    return [
      isHit(outcome)
        ? failed(
            `a request with the cookie ${cookie} gets the stored page`,
            'nginx runs with other options: write its configuration again, and reload it.',
          )
        : ok(`a request with the cookie ${cookie} goes to the application`),
    ];
  },
};

/** A cookie that means a session by these rules, if one of the likely names does. */
function sessionCookie(rules: RequestRules, host: string): string | undefined {
  const set = new RuleSet(allRules(rules));
  const named = rules.anonymous.flatMap(({ tests }) =>
    tests.map(({ pattern }) => pattern.source.match(/[\w.]*(?:sess|sid|auth|token)[\w.]*/i)?.[0]),
  );
  return [...named, 'nginx-cache-doctor', 'connect.sid', 'session', 'sessionid']
    .filter((name) => name !== undefined)
    .map((name) => `${name}=1`)
    .find((cookie) => set.first({ method: 'GET', target: '/', headers: { host, cookie } })?.reason === 'cookie');
}
