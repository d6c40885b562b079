import { isKeyTooLong, type PageKeys } from '../../page/page-key.js';
import { reasonOf } from '../../reasons/reasons.js';
import type { RequestHead } from '../../rules/request-head.js';
import { allRules, type RequestRules } from '../../rules/request-rules.js';
import { readerOf, type Rule } from '../../rules/rule.js';
import { RuleSet } from '../../rules/rule-set.js';
import type { Ask } from '../ask.js';
import { askUntilHit, isPageOutcome } from '../ask-until-hit.js';

/** What `explain()` asks. */
export interface Questioned {
  readonly rules: RequestRules;
  readonly keys: PageKeys;
  readonly ask: Ask;
}

/** What is shown of an answer. */
export interface ShownAnswer {
  readonly status: number;
  readonly cacheStatus: string;
  /** Set if it broke off before its end. */
  readonly isBroken?: true;
}

/** Why a request gets what it gets. */
export interface Explanation {
  readonly isPage: boolean;
  /** The outcome of the request: `nginx hit`, `stored`, or the reason why it is no page. */
  readonly outcome: string;
  /** One sentence each, without a full stop; absent if it is a page. */
  readonly why?: string;
  readonly cure?: string;
  /** What nginx does with the request, by the rules of these options. */
  readonly nginx: string;
  /** The rule that keeps the request away from the cache, and what the rule has looked at. */
  readonly rule?: { readonly reason: string; readonly sees: readonly string[] };
  /** The page that the request asks for. */
  readonly key: string;
  /** What the running site has answered, in the order of the requests; empty if it has not. */
  readonly answers: readonly ShownAnswer[];
}

/** Asks the rules, which nginx and the application share, and then the running site. */
export async function explain({ rules, keys, ask }: Questioned, head: RequestHead): Promise<Explanation> {
  const rule = new RuleSet(allRules(rules)).first(head);
  const { key } = keys.of(head);
  const answers = await askUntilHit(ask, head.target, head.headers as Record<string, string>);
  const last = answers.at(-1);
  const predicted = rule?.reason ?? (isKeyTooLong(key) ? 'key-length' : undefined);
  // A request for a host other than the site's gets no answer, or 400 if it is not a host.
  const outcome =
    last && last.outcome !== 'no Cache-Status' ? last.outcome : (predicted ?? last?.outcome ?? 'no answer');
  return {
    isPage: isPageOutcome(outcome),
    outcome,
    ...(isPageOutcome(outcome) ? {} : reasonFor(outcome, last?.asked.status ?? 0)),
    nginx: decisionOfNginx(head, key, predicted),
    ...(rule && { rule: { reason: rule.reason, sees: seenBy(rule, head) } }),
    key,
    answers: answers.map(({ asked: { status }, cacheStatus, isBroken }) => ({
      status,
      cacheStatus,
      ...(isBroken && { isBroken }),
    })),
  };
}

/** Whether nginx says by the status that what is behind it does not answer. */
function isOfGateway(status: number): boolean {
  return status === 502 || status === 504;
}

/** @param status of the last answer */
function reasonFor(outcome: string, status: number): { readonly why: string; readonly cure: string } {
  if (outcome === 'no answer') {
    return { why: 'the site does not answer', cure: 'start nginx and the application, or correct the URL' };
  }
  if (outcome === 'no Cache-Status' && isOfGateway(status)) {
    return {
      why: `nginx gets no answer from the application (${status})`,
      cure: 'start the application, or look at the log of nginx and at that of the application',
    };
  }
  if (outcome === 'no Cache-Status') {
    return {
      why: 'neither nginx nor the application says anything of a cache',
      cure: 'ask an address of the application; nginx-cache doctor finds out whether nginx has its configuration',
    };
  }
  return (
    reasonOf(outcome) ?? {
      why: 'a listener, or page.skip() of the handler, says so',
      cure: `look for '${outcome}' in the listeners (@OnPageCache()) and handlers of the application`,
    }
  );
}

function decisionOfNginx({ headers }: RequestHead, key: string, reason: string | undefined): string {
  if (reason === 'host-field') return 'refuses the request (400)';
  if (reason !== undefined) return `sends the request past the cache (${reason})`;
  const condition = ['if-match', 'if-unmodified-since'].find((name) => headers[name] !== undefined);
  if (condition !== undefined) return `sends the request past the cache (${condition})`;
  return `looks for ${key}`;
}

/** What a rule has looked at, unless it is secret. */
function seenBy({ tests, isSecret = false }: Rule, head: RequestHead): string[] {
  if (isSecret) return [];
  const seen = tests.map(
    ({ subject }) => [subject.replace(/^(?:header|fields):/, ''), readerOf(subject)(head)] as const,
  );
  const values = seen
    // A path without escapes is its own decoded form.
    .filter(([, value], index) => value !== '' && seen.findIndex(([, other]) => other === value) === index)
    .map(([subject, value]) => `${subject.split(',', 3).join(', ')}: ${value}`);
  return [...new Set(values)];
}
