import { fieldOf } from '../../../operations/ask.js';
import { isHit, outcomeOf } from '../../../operations/outcome.js';
import { type Check, failed, note, ok, pageOf } from '../check.js';
import { untilHit } from './page.check.js';

/** nginx packs nothing smaller than this (`gzip_min_length`), in bytes. */
const WORTHWHILE = 1000;

/** Clients that take gzip get it, and other clients do not. */
export const compressionCheck: Check = {
  name: 'compression',
  async run({ site }) {
    if (!site || !isHit((await untilHit(site)).at(-1)!)) return [];
    const plain = await site.ask(pageOf(site));
    if (!isHit(outcomeOf(fieldOf(plain, 'cache-status')))) return [];
    const coding = fieldOf(plain, 'content-encoding');
    const isPacked = plain.body[0] === 0x1f && plain.body[1] === 0x8b;
    if (coding !== '' || isPacked) {
      return [
        failed(
          `a client that takes no gzip gets ${coding || 'gzip without saying so'}`,
          'Put `gunzip on;` back into the location of the pages: write the configuration again (nginx-cache conf), and reload nginx.',
        ),
      ];
    }
    const packed = await site.ask(pageOf(site), { 'accept-encoding': 'gzip' });
    if (fieldOf(packed, 'content-encoding') === 'gzip' || plain.body.length < WORTHWHILE)
      return [ok('clients get gzip if they take it, and only then')];
    return [
      note(
        'a hit is not compressed, although the client takes gzip',
        'Set `compress: "gzip"`, and look for `gzip off` in nginx.',
      ),
    ];
  },
};
