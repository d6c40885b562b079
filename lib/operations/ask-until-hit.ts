import { type Ask, type Asked, BrokenOffError, fieldOf } from './ask.js';
import { isHit, outcomeOf } from './outcome.js';

/** How many times a page is asked for until it is a hit: it is stored after its response was sent, and the store may be late. */
const ATTEMPTS = 6;

const PAUSE = 100;

/** The outcomes of a request that mean that the address is a page. */
const PAGES: ReadonlySet<string> = new Set(['nginx hit', 'hit', 'stored', 'store-late', 'collapsed', 'stale copy']);

/** Outcomes that may be different a moment later, without anybody doing anything. */
const MOMENTARY: ReadonlySet<string> = new Set(['store-down', 'purges-unknown', 'purged']);

/** One answer of a site, and what it says about the cache. */
export interface Answer {
  readonly asked: Asked;
  readonly cacheStatus: string;
  readonly outcome: string;
  /** Whether it broke off before its end. */
  readonly isBroken: boolean;
}

export function isPageOutcome(outcome: string): boolean {
  return PAGES.has(outcome);
}

/**
 * Asks for a page, and asks again while it may become a hit.
 *
 * @returns every answer; none when the site does not answer
 */
export async function askUntilHit(
  ask: Ask,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < ATTEMPTS) {
    const answer = await answerOf(ask, target, headers);
    if (!answer) return answers;
    answers.push(answer);
    const { outcome, isBroken } = answer;
    if (isBroken || isHit(outcome) || !(PAGES.has(outcome) || MOMENTARY.has(outcome))) return answers;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return answers;
}

/** @returns `undefined` when the site does not answer */
async function answerOf(
  ask: Ask,
  target: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer | undefined> {
  let isBroken = false;
  const asked = await ask(target, headers).catch((error: unknown) => {
    isBroken = error instanceof BrokenOffError;
    return error instanceof BrokenOffError ? error.asked : undefined;
  });
  if (!asked) return undefined;
  const cacheStatus = fieldOf(asked, 'cache-status');
  return { asked, cacheStatus, outcome: outcomeOf(cacheStatus), isBroken };
}
