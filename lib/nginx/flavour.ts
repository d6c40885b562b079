import type { CheckedOptions } from '../options/check-options.js';
import type { SiteNames } from './variables.js';

/** What a flavour writes its part of the configuration from. */
export interface Site {
  readonly options: CheckedOptions;
  readonly names: SiteNames;
  /** Why a request bypasses the cache: variables one after the other, all of them empty when it does not. */
  readonly bypass: string;
  /** Where helper files are. */
  readonly directory: string;
}

/** One way for nginx to read pages. */
export interface Flavour {
  /** Dynamic modules that `full` loads, in this order, where it is told where they are. */
  modules(site: Site): readonly string[];
  /** For `http {}`. */
  http(site: Site): string[];
  /** For `server {}`: `location /`, which ends at `@…_miss` or `@…_bypass` when there is no page, and what it needs. */
  server(site: Site): string[];
  /** Helper files by their path relative to the directory. */
  files(site: Site): Record<string, string>;
}
