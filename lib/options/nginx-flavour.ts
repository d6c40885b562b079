import { bodyFormat } from '../page/body-format.js';
import type { HeaderField } from '../page/page.js';
import type { PageFormat } from '../page/page-format.js';
import { responseFormat } from '../page/response-format.js';
import type { PageStoreDefinition } from '../stores/page-store.js';
import { NginxCacheConfigError } from './nginx-cache-config.error.js';
import type { NginxCacheOptions, NginxFlavour } from './nginx-cache-options.js';

/** What a flavour reads, and what of a page is in it. */
interface Readable {
  /** `kind` of the stores that it reads. */
  readonly store: string;
  /** The statuses that it can serve. */
  readonly statuses: readonly number[];
  /** Why there are no others. */
  readonly because: string;
  readonly format: 'body' | 'response';
}

const WHOLE: Readable = {
  store: 'memcached',
  // Those that mean the same to every visitor, and for long (RFC 9110, section 15.1).
  statuses: [200, 301, 308, 404, 410],
  because: 'others are not for everyone, or not for long',
  format: 'response',
};

const READABLE: Readonly<Record<NginxFlavour, Readable>> = {
  memcached: { store: 'memcached', statuses: [200], because: 'the memcached flavour stores no status', format: 'body' },
  srcache: WHOLE,
  njs: WHOLE,
  files: { store: 'files', statuses: [200], because: 'the files flavour stores no status', format: 'body' },
};

/**
 * How nginx reads the store.
 *
 * @returns `undefined` when it does not
 * @throws {NginxCacheConfigError} when the flavour cannot read the store, or cannot serve one of the statuses
 */
export function flavourOf(store: PageStoreDefinition, options: NginxCacheOptions): NginxFlavour | undefined {
  const possible = flavours().filter((flavour) => READABLE[flavour].store === store.kind);
  const flavour = options.nginx?.flavour ?? possible[0];
  if (!flavour) return undefined;
  if (!possible.includes(flavour)) {
    const others = possible.map((one) => JSON.stringify(one)).join(' or ');
    throw new NginxCacheConfigError(
      'nginx.flavour',
      flavour,
      others
        ? `${others} with ${store.kind}Store(), or another store`
        : `left out with ${store.kind}Store(), which nginx cannot read`,
    );
  }
  const { statuses, because } = READABLE[flavour];
  if (options.statuses?.some((status) => !statuses.includes(status))) {
    throw new NginxCacheConfigError('statuses', options.statuses, `${list(statuses)}: ${because}`);
  }
  return flavour;
}

/**
 * How a page is written for a flavour.
 *
 * @param headers what nginx sends with every page where the body alone is kept
 */
export function formatOf(flavour: NginxFlavour | undefined, headers: readonly HeaderField[]): PageFormat {
  return flavour && READABLE[flavour].format === 'response' ? responseFormat : bodyFormat(headers);
}

function list(statuses: readonly number[]): string {
  return statuses.length === 1 ? `[${statuses.join()}]` : `a list of ${statuses.join(', ')}`;
}

function flavours(): NginxFlavour[] {
  return Object.keys(READABLE) as NginxFlavour[];
}
