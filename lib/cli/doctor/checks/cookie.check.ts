import { allRules, type RequestRules } from '../../../rules/request-rules.js';
import { compileException } from '../../../rules/rule.js';
import { RuleSet } from '../../../rules/rule-set.js';
import { fieldOf } from '../../../operations/ask.js';
import { isHit, outcomeOf } from '../../../operations/outcome.js';
import { type Check, failed, ok, pageOf, skipped } from '../check.js';

/** A visitor who may be logged in gets no stored page. */
export const cookieCheck: Check = {
  name: 'cookies',
  async run({ site, options }) {
    if (!site || !options.anonymousOnly) return [];
    const host = options.hosts?.[0] ?? 'localhost';
    const isShared = compileException(options.rules.shared);
    if (isShared?.({ method: 'GET', target: pageOf(site), headers: { host } })) {
      return [
        skipped(
          `visitors with a session get the stored ${pageOf(site)}, too: it is in \`shared\``,
          'To check that they get no other stored page, name one that is not in `shared`.',
        ),
      ];
    }
    const cookie = sessionCookie(options.rules, host, site.url.pathname);
    if (cookie === undefined) return [];
    const outcome = outcomeOf(fieldOf(await site.ask(pageOf(site), { cookie }), 'cache-status'));
    return [
      isHit(outcome)
        ? failed(
            `a request with the cookie ${cookie} gets the stored page`,
            'Write the configuration of nginx again (nginx-cache conf), and reload it: it runs with other options.',
          )
        : ok(`a request with the cookie ${cookie} goes to the application`),
    ];
  },
};

/** A cookie that means a session by these rules, if one of the likely names does. */
function sessionCookie(rules: RequestRules, host: string, target: string): string | undefined {
  const set = new RuleSet(allRules(rules));
  const named = rules.anonymous.flatMap(({ tests }) =>
    tests.map(({ pattern }) => pattern.source.match(/[\w.]*(?:sess|sid|auth|token)[\w.]*/i)?.[0]),
  );
  return [...named, 'nginx-cache-doctor', 'connect.sid', 'session', 'sessionid']
    .filter((name) => name !== undefined)
    .map((name) => `${name}=1`)
    .find((cookie) => set.first({ method: 'GET', target, headers: { host, cookie } })?.reason === 'cookie');
}
