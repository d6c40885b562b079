import type { IncomingMessage } from 'node:http';
import type { Page } from '../page/page.js';
import type { WantedFragment } from './fragment-address.js';

/** Finds the fragments that are the same for everybody, or has them made. */
export abstract class SharedFragments {
  /**
   * @param visitor the request for what contains the fragment
   * @returns the fragment as it is stored; `undefined` when it cannot be shared
   */
  abstract find(fragment: WantedFragment, visitor: IncomingMessage): Promise<Page | undefined>;
}
