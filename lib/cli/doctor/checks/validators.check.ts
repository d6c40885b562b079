import { fieldOf } from '../../../operations/ask.js';
import { isHit, outcomeOf } from '../../../operations/outcome.js';
import { type Check, failed, ok, pageOf } from '../check.js';
import { untilHit } from './page.check.js';

/** A visitor who already has the page is told so. */
export const validatorsCheck: Check = {
  name: 'validators',
  async run({ site, options }) {
    // A page with fragments is made for one visitor, and has no validators.
    if (!site || !options.keepsHeaders || options.fragments.has(site.url.pathname)) return [];
    if (!isHit((await untilHit(site)).at(-1)!)) return [];
    const hit = await site.ask(pageOf(site));
    const etag = fieldOf(hit, 'etag');
    if (!isHit(outcomeOf(fieldOf(hit, 'cache-status')))) return [];
    if (etag === '')
      return [failed('a hit has no ETag', 'Look for something in front that removes it: `etag off`, a proxy, a CDN.')];
    const { status } = await site.ask(pageOf(site), { 'if-none-match': etag });
    return [
      status === 304
        ? ok('a client that has the page gets 304')
        : failed(
            `If-None-Match with the ETag of the page gets ${status}, and not 304`,
            'Look for something between nginx and here that changes If-None-Match or the ETag.',
          ),
    ];
  },
};
