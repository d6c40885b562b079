import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Meter, ObservableCallback, ObservableUpDownCounter } from '@opentelemetry/api';
import { fromApplication } from '../checks/from-application.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import {
  PageBypassed,
  PageCacheFailed,
  PageServed,
  PageSkipped,
  PagesPurged,
  PageStored,
} from '../events/outcomes.events.js';
import { PendingPurges } from '../purging/pending-purges.js';
import { PageStorage } from '../stores/page-storage.js';
import { BoundedReasons } from './bounded-reasons.js';

type OpenTelemetry = typeof import('@opentelemetry/api');

const REASON = 'page_cache.reason';
const CAUSE = 'page_cache.cause';
const SOURCE = 'page_cache.source';
const OPERATION = 'page_cache.operation';

/** From a store in the same machine to one that is given up, in seconds. */
const BOUNDARIES = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/**
 * Tells OpenTelemetry what the cache does. Where `@opentelemetry/api` is not installed, or has no SDK when the application starts, nothing
 * listens, so it costs nothing.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/general/naming/
 */
@Injectable()
export class PageCacheMetrics implements OnModuleInit, OnModuleDestroy {
  #close = (): void => {};

  constructor(
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(PendingPurges) private readonly pendingPurges: PendingPurges,
    @Inject(PageStorage) private readonly storage: PageStorage,
  ) {}

  onModuleInit(): void {
    const meter = meterOfApplication();
    if (!meter) return;
    this.countPages(meter);
    this.countPurges(meter);
    this.timeStore(meter);
    const failures = meter.createCounter('page_cache.failures', {
      unit: '{failure}',
      description: 'Failures of the store, of listeners and of renderings.',
    });
    this.dispatcher.add(PageCacheFailed, ({ operation }) => failures.add(1, { [OPERATION]: operation }));
  }

  onModuleDestroy(): void {
    this.#close();
  }

  private countPages(meter: Meter): void {
    const reasons = new BoundedReasons();
    const stored = meter.createCounter('page_cache.stored', { unit: '{page}', description: 'Pages that were stored.' });
    const skipped = meter.createCounter('page_cache.skipped', {
      unit: '{page}',
      description: 'Pages that were rendered and not stored.',
    });
    const bypassed = meter.createCounter('page_cache.bypassed', {
      unit: '{request}',
      description: 'Requests to handlers that went past the cache.',
    });
    const served = meter.createCounter('page_cache.served', {
      unit: '{request}',
      description: 'Requests that the application answered with a stored page. Hits of nginx are not among them.',
    });
    this.dispatcher.add(PageStored, ({ cause }) => stored.add(1, { [CAUSE]: cause }));
    this.dispatcher.add(PageSkipped, ({ reason }) => skipped.add(1, { [REASON]: reasons.of(reason) }));
    this.dispatcher.add(PageBypassed, ({ reason }) => bypassed.add(1, { [REASON]: reasons.of(reason) }));
    this.dispatcher.add(PageServed, ({ source }) => served.add(1, { [SOURCE]: source }));
  }

  private countPurges(meter: Meter): void {
    const purges = meter.createCounter('page_cache.purges', {
      unit: '{purge}',
      description: 'Purges that were carried out.',
    });
    const purged = meter.createCounter('page_cache.purged', {
      unit: '{page}',
      description: 'Pages that purges have deleted.',
    });
    this.dispatcher.add(PagesPurged, (event) => {
      purges.add(1);
      purged.add(event.purged);
    });
    const pending: ObservableUpDownCounter = meter.createObservableUpDownCounter('page_cache.purges.pending', {
      unit: '{purge}',
      description: 'Purges that a server of the store has not acknowledged yet.',
    });
    const observe: ObservableCallback = (result) => result.observe(this.pendingPurges.size);
    pending.addCallback(observe);
    this.#close = () => pending.removeCallback(observe);
  }

  private timeStore(meter: Meter): void {
    const duration = meter.createHistogram('page_cache.store.duration', {
      unit: 's',
      description: 'How long the store took to read or to store a page.',
      advice: { explicitBucketBoundaries: BOUNDARIES },
    });
    this.dispatcher.add(PageStored, (event) => duration.record(event.duration / 1000, { [OPERATION]: 'set' }));
    this.storage.onRead = (milliseconds) => duration.record(milliseconds / 1000, { [OPERATION]: 'get' });
  }
}

/** @returns `undefined` when nobody would read what it measures */
function meterOfApplication(): Meter | undefined {
  if (!fromApplication.has('@opentelemetry/api')) return undefined;
  const { createNoopMeter, metrics } = fromApplication.load('@opentelemetry/api') as OpenTelemetry;
  const meter = metrics.getMeter('nestjs-nginx-cache');
  return meter === createNoopMeter() ? undefined : meter;
}
