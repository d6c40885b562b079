import type { Reason } from '../../reasons/reasons.js';

/**
 * What to say about a page whose answer says `stored` each time, but which never is a hit: the head of the answer leaves before it is known
 * whether the store takes the page.
 *
 * @param isStored what the store says afterwards
 * @param isBroken whether the answer broke off before its end
 */
export function neverAHit(isStored: boolean | undefined, isBroken: boolean, target: string): Reason {
  if (isBroken) {
    return {
      why: 'the answer broke off before its end: its handler gave up, or sent less than its Content-Length says',
      cure: 'look for the error in the log of the application, or send the right Content-Length',
    };
  }
  if (isStored) {
    return {
      why: 'the page is stored, and nginx does not find it',
      cure: 'let nginx ask the same memcached, or read the same directory, as the application: nginx-cache doctor compares both',
    };
  }
  return {
    why: 'what keeps the page out was known only when the head of the answer had been sent, and no answer can name it',
    cure: `ask the application: nginx-cache publish --module FILE '${target}' names it, and so does its log at the level debug`,
  };
}
