import type { NginxDeployment } from '../../nginx/deployment.js';
import type { CheckedOptions } from '../../options/checked-options.js';
import type { NginxCacheOptions } from '../../options/nginx-cache-options.js';
import type { ExactPage } from '../../purging/exact-page.js';
import type { PageStorage } from '../../stores/page-storage.js';
import type { Ask } from '../../operations/ask.js';
import type { NginxProgram } from '../run-nginx.js';

/** What `doctor` examines. */
export interface Examined extends NginxProgram {
  /** The options as they were given, and as the library uses them. */
  readonly given: NginxCacheOptions;
  readonly options: CheckedOptions;
  readonly deployment: Partial<NginxDeployment>;
  readonly storage: PageStorage;
  /** Deletes exactly these pages. */
  readonly purge: (pages: readonly ExactPage[]) => Promise<unknown>;
  /** The configuration with which nginx runs, as `nginx -T` shows it; `undefined` if it cannot be read. */
  readonly conf: string | undefined;
  /** Addresses by which others reach this machine. */
  readonly outside: readonly string[];
  /** The running site; `undefined` when there is none to ask. */
  readonly site: ExaminedSite | undefined;
}

export interface ExaminedSite {
  /** An address that should be a page, as it was given. */
  readonly url: URL;
  readonly ask: Ask;
}

/** `ok` and `failed`; `note`: worth knowing, but not a fault; `skipped`: could not be checked. */
export type Status = 'ok' | 'failed' | 'note' | 'skipped';

/** What a check has found. */
export interface Finding {
  readonly status: Status;
  /** The result, in one sentence without its full stop. */
  readonly what: string;
  /** What to do about it; always present with `failed`. */
  readonly cure?: string;
  /** Lines for the configuration. */
  readonly paste?: readonly string[];
}

/** One subject that `doctor` looks at. */
export interface Check {
  /** What the first column of the table shows. */
  readonly name: string;
  run(examined: Examined): Promise<readonly Finding[]>;
}

export const ok = (what: string): Finding => ({ status: 'ok', what });
export const note = (what: string, cure: string): Finding => ({ status: 'note', what, cure });
export const skipped = (what: string, cure: string): Finding => ({ status: 'skipped', what, cure });

export function failed(what: string, cure: string, paste: readonly string[] = []): Finding {
  return { status: 'failed', what, cure, ...(paste.length > 0 ? { paste } : {}) };
}

/** The target of the page that is requested from the site. */
export function pageOf({ url }: ExaminedSite): string {
  return url.pathname + url.search;
}
