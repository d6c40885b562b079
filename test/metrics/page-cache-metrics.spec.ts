import { readFileSync } from 'node:fs';
import { Controller, Get, Header, Injectable, Param } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { DataPointType, MeterProvider, type SumMetricData } from '@opentelemetry/sdk-metrics';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  memcachedStore,
  memoryStore,
  NoPageCache,
  OnPageCache,
  PageCacheService,
  PageRendered,
  PurgeIncompleteError,
} from '../../lib/index.js';
import { BoundedReasons } from '../../lib/metrics/bounded-reasons.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';

const HTML = 'text/html; charset=utf-8';

@Controller()
class PagesController {
  static gate = new Gate();

  @Get('pages/:id')
  @Header('content-type', HTML)
  page() {
    return '<p>';
  }

  @Get('slow')
  @Header('content-type', HTML)
  async slow() {
    await PagesController.gate.pass();
    return '<p>slow';
  }

  @Get('cookie')
  @Header('content-type', HTML)
  @Header('set-cookie', 'a=b')
  cookie() {
    return '<p>';
  }

  @Get('drafts/:id')
  @Header('content-type', HTML)
  draft(@Param('id') id: string) {
    return `<p>draft ${id}`;
  }

  @Get('now')
  @NoPageCache()
  now() {
    return 'now';
  }
}

/** Puts values into its reasons, and throws. */
@Injectable()
class Careless {
  @OnPageCache(PageRendered)
  onRendered({ draft }: PageRendered): void {
    const [, id] = /^\/drafts\/(.+)/.exec(draft.address.target) ?? [];
    if (id === 'broken') throw new Error('broken');
    if (id !== undefined) draft.skip(`draft-${id}`);
  }
}

// A reader that serves what it reads, as in docs/metrics.md.
const exporter = new PrometheusExporter({ preventServerStart: true });
const provider = new MeterProvider({ readers: [exporter] });

beforeAll(() => {
  metrics.setGlobalMeterProvider(provider);
});

afterEach(() => {
  metrics.disable();
});

afterAll(() => provider.shutdown());

/** Each sum, by its name and the value of its attribute. */
async function sums(): Promise<Record<string, number>> {
  const { resourceMetrics } = await exporter.collect();
  const ours = resourceMetrics.scopeMetrics.find(({ scope }) => scope.name === 'nestjs-nginx-cache');
  const all = ours?.metrics.filter((one): one is SumMetricData => one.dataPointType === DataPointType.SUM) ?? [];
  const points = all.flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(
      ({ attributes, value }) => [[descriptor.name, ...Object.values(attributes)].join(' '), value] as const,
    ),
  );
  return Object.fromEntries(points);
}

it('counts what the cache does, and Prometheus gets every name of the Grafana board', async () => {
  await using memcached = await MemcachedServer.start();
  const { app, url } = await startApplication({
    platform: 'express',
    options: { store: memcachedStore({ servers: memcached.address }), hosts: 'any' },
    controllers: [PagesController],
    providers: [PageLog, Careless],
    logger: false,
  });
  try {
    const get = (path: string, headers = {}) => fetch(url + path, { headers }).then((response) => response.text());
    const pages = app.get(PageCacheService);
    const paths = ['/pages/1', '/cookie', '/drafts/7', '/drafts/broken', '/now'];
    const expected = [
      'page_cache.stored visit',
      'page_cache.served stored',
      'page_cache.skipped set-cookie',
      'page_cache.skipped draft-7',
      'page_cache.skipped listener-error',
      'page_cache.failures listener',
      'page_cache.bypassed no-page-cache',
    ];
    // Where memcached is late, a page is stored by a later request.
    await expect
      .poll(async () => {
        for (const path of paths) await get(path);
        return Object.keys(await sums());
      })
      .toEqual(expect.arrayContaining(expected));
    await get('/pages/1', { cookie: 'session=1' });
    await expect
      .poll(async () => (await pages.purge('/pages/1'), (await sums())['page_cache.purges']))
      .toBeGreaterThan(0);
    expect(await sums()).toMatchObject({
      'page_cache.bypassed cookie': 1,
      'page_cache.purges.pending': 0,
      'page_cache.purged': expect.any(Number) as number,
    });

    const text = new PrometheusSerializer().serialize((await exporter.collect()).resourceMetrics);
    expect(text).toMatch(/page_cache_store_duration_bucket\{.*page_cache_operation="get".*le="0\.0005"/);
    expect(text).toMatch(/page_cache_store_duration_bucket\{.*page_cache_operation="set"/);
    const board = readFileSync('examples/grafana/page-cache.json', 'utf8');
    const names = new Set(board.match(/page_cache_[a-z_]+(?=\{job)/g));
    expect(names.size).toBe(8);
    expect([...names].filter((name) => !new RegExp(`^${name}[{ ]`, 'm').test(text))).toEqual([]);
    const patterns = [...board.matchAll(/__name__=~\\"([^"\\]+)/g)].map(([, pattern]) => pattern);
    expect(patterns.length).toBeGreaterThan(0);
    expect(patterns.filter((pattern) => !new RegExp(`^${pattern}\\{`, 'm').test(text))).toEqual([]);
    // What a panel adds up by, and what its legend names.
    const labels = new Set(board.match(/(?<=by \([^)]*|\{\{)page_cache_[a-z]+/g));
    expect(labels.size).toBe(4);
    expect([...labels].filter((label) => !text.includes(`${label}="`))).toEqual([]);

    await memcached.kill();
    await expect(pages.purge('/pages/1')).rejects.toThrow(PurgeIncompleteError);
    expect((await sums())['page_cache.purges.pending']).toBe(1);
    expect((await sums())['page_cache.failures purge']).toBe(1);
  } finally {
    await app.close();
  }
});

it('counts a request that has waited for the page of another', async () => {
  metrics.setGlobalMeterProvider(provider);
  const arrived = new Gate();
  let isSecond = false;
  PagesController.gate = new Gate();
  const { app, url } = await startApplication({
    platform: 'express',
    options: { store: memoryStore() },
    controllers: [PagesController],
    prepare: (application) =>
      void application.use((_request: unknown, _response: unknown, next: () => void) => {
        if (isSecond) void arrived.pass();
        isSecond = true;
        next();
      }),
  });
  try {
    const first = fetch(`${url}/slow`);
    await PagesController.gate.reached;
    const second = fetch(`${url}/slow`);
    await arrived.reached;
    // Whoever has come before waits by now: another page has come as far as its handler.
    await fetch(`${url}/pages/3`);
    PagesController.gate.open();
    await Promise.all([first, second]);
    await expect.poll(async () => (await sums())['page_cache.served collapsed']).toBe(1);
  } finally {
    await app.close();
  }
});

it('listens to nothing where OpenTelemetry has no SDK', async () => {
  const { app, url } = await startApplication({
    platform: 'express',
    options: { store: memoryStore() },
    controllers: [PagesController],
  });
  try {
    const before = await sums();
    await fetch(`${url}/pages/2`);
    await fetch(`${url}/now`);
    expect(await sums()).toEqual(before);
  } finally {
    await app.close();
  }
});

it('has time series for a hundred reasons that are not its own, and for all of its own', () => {
  const reasons = new BoundedReasons();
  const given = Array.from({ length: 1000 }, (_, id) => reasons.of(`preview-${id}`));
  expect(new Set(given).size).toBe(101);
  expect(reasons.of('preview-3')).toBe('preview-3');
  expect(reasons.of('preview-300')).toBe('_OTHER');
  expect(reasons.of('cookie')).toBe('cookie');
  expect(reasons.of('reads-user-agent')).toBe('_OTHER');
});
