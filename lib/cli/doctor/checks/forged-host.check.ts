import { contentOf, fieldOf } from '../../../operations/ask.js';
import { isHit, outcomeOf } from '../../../operations/outcome.js';
import { type Check, failed, ok, pageOf } from '../check.js';

const FORGED = 'nginx-cache-doctor.invalid';

/** A visitor who names another host must not get it into a page for others. */
export const forgedHostCheck: Check = {
  name: 'Host',
  async run({ site, options }) {
    if (!site) return [];
    // nginx may close the connection.
    const asked = await site.ask(pageOf(site), { host: FORGED }).catch(() => undefined);
    if (!asked) return [ok('a forged Host gets no answer')];
    const outcome = outcomeOf(fieldOf(asked, 'cache-status'));
    const isCached = isHit(outcome) || outcome === 'stored';
    const shows = JSON.stringify(asked.headers).includes(FORGED) || contentOf(asked).includes(FORGED);
    if (isCached && (options.hosts !== undefined || shows)) {
      return [
        failed(
          `a request for the host ${FORGED} gets or makes a page`,
          'Set `hosts` to the names of the site, write the configuration of nginx again, and reload it.',
        ),
      ];
    }
    return [ok('a forged Host makes no page for others')];
  },
};
