import * as v from 'valibot';
import { FLAG, strict, wholeNumber } from '../checks/checked.js';
import type { PublishProgress } from '../events/page-cache.events.js';

/**
 * How many pages are published.
 *
 * @publicApi
 */
export interface PublishOptions {
  /** How many pages are rendered at once while no visitor is here; while visitors are, it is one. Default 4. */
  readonly concurrency?: number | undefined;
  /** Leaves pages alone that are stored already. Default false: they are rendered again and replaced. */
  readonly skipStored?: boolean | undefined;
  /** Is called after each page. What it throws ends the publication. */
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined;
  /** Ends the publication: what is being rendered is given up, what is stored stays, and the report says what has been done. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * How the pages of a sitemap are published.
 *
 * @publicApi
 */
export interface PublishSitemapOptions extends PublishOptions {
  /** So many addresses are read at most, in all of the sitemaps together. Default 100,000. */
  readonly limit?: number | undefined;
}

const options = {
  concurrency: v.optional(wholeNumber('pages', 1)),
  skipStored: v.optional(FLAG),
  onProgress: v.optional(v.custom<(progress: PublishProgress) => void>((is) => typeof is === 'function', 'a function')),
  signal: v.optional(v.instance(AbortSignal, 'an AbortSignal')),
};

export const publishOptionsSchema = strict(options);
export const publishSitemapOptionsSchema = strict({ ...options, limit: v.optional(wholeNumber('addresses', 1)) });
