import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { countWait } from '../../lib/async/patience.js';
import { memcachedStore, type MemcachedStoreDefinition } from '../../lib/index.js';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import { PageStorage } from '../../lib/stores/page-storage.js';
import type { RawResponse } from '../../lib/testing/index.js';

/**
 * What the application says when memcached has not answered within 45 ms. On a busy machine that happens though nothing is
 * wrong; then the page is not stored.
 */
const LATE = /fwd=bypass; detail=store-down/;
const ATTEMPTS = 10;
/** A client of memcached that has lost its connection takes that long to come back, in milliseconds. */
const PAUSE = 50;

/** Asks for a page, and asks again where memcached was late. A test about a memcached that is away must not use it. */
export async function patiently<T>(ask: () => Promise<T>, statusOf: (answer: T) => string): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask();
    if (attempt === ATTEMPTS || !LATE.test(statusOf(answer))) return answer;
    await delay(PAUSE);
  }
}

/** The same for raw requests. */
export function patientlyRaw(ask: () => Promise<RawResponse>): Promise<RawResponse> {
  return patiently(ask, ({ headers }) => headers.find(([name]) => /^cache-status$/i.test(name))?.[1] ?? '');
}

/**
 * The same configuration for a machine that is busy: nginx waits for memcached as long as it takes. By itself it waits 40 ms,
 * and then a page that is stored is a miss.
 *
 * @param conf all of it, or a part
 */
export function patient(conf: string): string {
  return conf.replaceAll('_timeout 40ms;', '_timeout 10s;');
}

/** So long tests wait for memcached, in milliseconds: Node itself gives one up that is silent for a second. */
const LONG_ENOUGH = 2000;

/** The same for Node, which otherwise waits 50 ms for a page or the journal. */
export function patientStore(server: string): MemcachedStoreDefinition {
  const deadlines = { getTimeout: LONG_ENOUGH };
  return memcachedStore({
    client: { servers: [{ address: server, weight: 1 }], open: () => new MemcachedClient(server, deadlines) },
  });
}

/**
 * Every visitor of the application waits for the store so long, and not 45 ms. So no handler runs before the store has
 * answered, and each page is stored. `get()` and `has()` of the `PageCacheService` wait, too: a page that is not there is really not there.
 *
 * @param app one that listens: the page cache sees requests before any listener does
 */
export function letVisitorsWait(app: INestApplication): void {
  const storage = app.get(PageStorage);
  storage.get = (key) => storage.stored(key);
  const server = app.getHttpServer() as Server;
  const emit = server.emit.bind(server) as (...event: unknown[]) => boolean;
  server.emit = (...event: unknown[]) => {
    // The request and its response: for both, the application counts how long they have waited.
    if (event[0] === 'request') for (const one of event.slice(1)) countWait(one as object, -LONG_ENOUGH);
    return emit(...event);
  };
}
