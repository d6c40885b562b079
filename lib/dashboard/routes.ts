import { purgeScopes } from '../operations/purge-scopes.js';
import { countPages } from '../operations/site-stats.js';
import { storedPagesAt, unpacked } from '../operations/stored-page.js';
import { why } from '../operations/why/why.js';
import { Purger } from '../purging/purger.js';
import type { RouteContext } from './dashboard-setup.js';
import { isOrder } from './page-listing.js';
import { questionOf } from './question.js';
import { storeView } from './store-view.js';

/** How a resource of the API answers. */
interface Route {
  readonly method: 'GET' | 'POST';
  /** @throws {TypeError} when the request asks for something that cannot exist */
  readonly answer: (context: RouteContext) => Promise<object>;
}

/** How many pages are sent at once. */
const MAX_ROWS = 200;

/** How many bytes of a body are shown. */
const SHOWN_BYTES = 100_000;

/** How many entries the lists of an activity have. */
const TOP = 15;

/** The resources of the API, by their names. */
export const ROUTES: Readonly<Record<string, Route>> = {
  site: {
    method: 'GET',
    answer: async ({ site: { options }, listing, canPublish, origin, request }) => {
      listing.begin();
      return {
        store: options.store.kind,
        prefix: options.prefix,
        hosts: options.hosts,
        canPublish,
        origin: origin(request),
      };
    },
  },
  activity: { method: 'GET', answer: async ({ activity }) => activity.view(TOP) },
  pages: {
    method: 'GET',
    answer: async ({ listing, query }) => {
      const order = query.get('order') ?? 'page';
      if (!isOrder(order)) throw new TypeError(`Pages cannot be sorted by ${order}.`);
      return listing.select({
        search: query.get('search') ?? '',
        order,
        isDescending: query.has('descending'),
        offset: numberOf(query, 'offset', 0),
        limit: Math.min(MAX_ROWS, numberOf(query, 'limit', 100)),
      });
    },
  },
  page: {
    method: 'GET',
    answer: async ({ site, query }) => ({
      stored: (await storedPagesAt(site, targetOf(query))).map(({ key, page }) => {
        const { status, headers, contentEncoding, tags, body } = page;
        const content = unpacked(page);
        return {
          key,
          status,
          headers,
          contentEncoding,
          tags,
          bytes: body.length,
          length: content.length,
          body: content.subarray(0, SHOWN_BYTES).toString(),
        };
      }),
    }),
  },
  stats: { method: 'GET', answer: async ({ listing }) => countPages(await listing.all()) },
  store: { method: 'GET', answer: async ({ site, listing }) => storeView(site, await listing.all()) },
  why: {
    method: 'GET',
    answer: async ({ site, query, origin, request, signal }) => {
      const { url, host } = questionOf(targetOf(query), origin(request), site.options);
      const cookie = query.get('cookie') ?? '';
      const explained = await why(site, url, { host, ...(cookie !== '' && { cookie }) }, signal);
      return { ...explained, url: url.href, host };
    },
  },
  purge: {
    method: 'POST',
    answer: async ({ site, query }) => {
      const exact = query.getAll('exact');
      if (exact.length > 0) return site.pages.purgeExactly(...exact);
      const scopes = await purgeScopes(site, {
        paths: query.getAll('path'),
        under: query.getAll('under'),
        tags: query.getAll('tag'),
        all: query.has('all'),
      });
      if (scopes.length === 0) throw new TypeError('Say what is to be purged.');
      return site.get(Purger).all(scopes);
    },
  },
  publish: {
    method: 'POST',
    answer: async ({ site, query, canPublish }) => {
      if (!canPublish) throw new TypeError('There is no application here that renders pages.');
      const paths = query.getAll('path');
      if (paths.length === 0) throw new TypeError('Say what is to be published.');
      return site.pages.publish(...paths);
    },
  },
};

function numberOf(query: URLSearchParams, name: string, otherwise: number): number {
  const given = query.get(name) ?? String(otherwise);
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new TypeError(`${name} is no number.`);
}

function targetOf(query: URLSearchParams): string {
  const target = query.get('target') ?? '';
  if (target !== '') return target;
  throw new TypeError('Name a page: a path like /posts/1, or a URL.');
}
