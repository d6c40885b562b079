import type { HeaderField } from '../../http/fields.js';
import type { CheckedOptions } from '../../options/checked-options.js';
import type { NginxFlavour } from '../../options/nginx-cache-options.js';
import type { PageFormat } from '../../page/page-format.js';
import type { SiteNames } from '../variables.js';

/** What a flavour writes its part of the configuration from. */
export interface Site {
  readonly options: CheckedOptions;
  readonly names: SiteNames;
  /** Why a request bypasses the cache: variables one after the other, all of them empty if it does not. */
  readonly bypass: string;
  /** What the application is told, so that it notices different options: `fingerprintOf()`. */
  readonly fingerprint: string;
  /** Where helper files are. */
  readonly directory: string;
}

/** One way for nginx to read pages, described in one file. */
export interface Flavour {
  readonly name: NginxFlavour;
  /** `kind` of the stores that it reads. */
  readonly store: string;
  /** The statuses that it can serve. */
  readonly statuses: readonly number[];
  /** Why it can serve no others. */
  readonly because: string;
  /**
   * How pages are written for it.
   *
   * @param headers the fields that nginx sends with every page if only the body is kept
   * @param contentTypeOf gives the content type, by the key of a page
   */
  format(headers: readonly HeaderField[], contentTypeOf: (key: string) => string): PageFormat;
  /** Dynamic modules that `full` loads, in this order, if it is told where they are. */
  modules(site: Site): readonly string[];
  /** For `http {}`. */
  http(site: Site): string[];
  /** The lines in a location of pages, e.g. `/blog/`. The location ends at `@…_miss` or `@…_bypass` when there is no page. */
  location(site: Site, location: string): string[];
  /** Further locations that it needs, for `server {}`, beside those of the pages. */
  locations(site: Site, locations: readonly string[]): string[];
  /** The lines in the location of the copies that outlive their pages. They end with `orFailure()` for when there is no copy. */
  copy(site: Site): string[];
  /** Further locations that copies need. */
  copyLocations(site: Site): string[];
  /** The lines that read a stored fragment, by its path in `$uri`. They run in a subrequest. */
  fragment(site: Site): string[];
  /** Helper files by their path relative to the directory. */
  files(site: Site): Record<string, string>;
}
