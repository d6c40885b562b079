import * as v from 'valibot';
import { FLAG, strict, wholeNumber } from '../checks/checked.js';
import type { PublishProgress } from '../events/outcomes.events.js';

/**
 * Options of `publishMany()`.
 *
 * @example
 * { concurrency: 2, skipStored: true, onProgress: ({ done, total }) => console.log(done, total) }
 *
 * @publicApi
 */
export interface PublishOptions {
  /** How many pages are rendered at once while no visitor is active. While visitors are active, it is one. Default 4. */
  readonly concurrency?: number | undefined;
  /** Whether pages that are already stored are left alone. Default `false`: they are rendered again and replaced. */
  readonly skipStored?: boolean | undefined;
  /** Called after each page. If it throws, the publication stops. */
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined;
  /** Stops the publication. Pages that are being rendered are given up, stored pages stay, and the report says what was done. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Options of `publishSitemap()`.
 *
 * @example
 * { skipStored: true, limit: 10_000 }
 *
 * @publicApi
 */
export interface PublishSitemapOptions extends PublishOptions {
  /** How many addresses are read at most, in all sitemaps together. Default 100,000. */
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
