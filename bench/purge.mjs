// How long purges take on a real memcached: purgeUnder over 100,000 pages, purgeTags over 10,000 tagged ones.
//
//   npx tsc -p tsconfig.build.json && node bench/purge.mjs
import { setTimeout as delay } from 'node:timers/promises';
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { memcachedStore, NginxCacheModule, PageCacheService } from '../dist/index.js';
import { bodyFormat } from '../dist/page/body-format.js';
import { MemcachedServer } from '../dist/testing/index.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const HEADERS = [['Content-Type', 'text/html; charset=utf-8']];
const BODY = Buffer.alloc(1000, 'x');

Logger.overrideLogger(false);
const memcached = await MemcachedServer.start({ args: ['-m', '1024'] });
const definition = memcachedStore({ servers: memcached.address });
const application = await NestFactory.createApplicationContext(NginxCacheModule.forRoot({ store: definition }));
const pages = application.get(PageCacheService);
const store = definition.open({ format: bodyFormat(HEADERS), prefix: 'page:', maxPageBytes: 1e6 });

/** @param {(index: number) => { path: string, tags?: string[] }} page */
async function fill(count, page) {
  for (let at = 0; at < count; at += 1000) {
    await Promise.all(
      Array.from({ length: Math.min(1000, count - at) }, async (_, index) => {
        const { path, tags } = page(at + index);
        const value = { status: 200, headers: HEADERS, body: BODY, ...(tags && { tags }) };
        const version = await store.versions.replace(`page:${path}`, value, 10_000, undefined);
        await store.versions.confirm(`page:${path}`, value, 0, version);
      }),
    );
  }
}

const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];

/** Clients come back by themselves. */
async function until(action) {
  while (
    !(await action().then(
      () => true,
      () => false,
    ))
  )
    await delay(20);
}

async function measure(what, expected, limit, prepare, purge) {
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Not flushed: what was there would still be walked over.
    await memcached.restart();
    await Promise.all([until(() => pages.purge('/never')), until(() => store.versions.of('page:/'))]);
    await prepare();
    const { purged, duration } = await purge();
    if (purged !== expected) throw new Error(`${what}: ${purged} pages purged, not ${expected}`);
    times.push(duration);
  }
  const figures = [median(times), Math.min(...times), Math.max(...times)].map((time) => time.toFixed(0).padStart(6));
  console.log(`${what.padEnd(58)} ${figures.join(' ')} ${String(limit ?? '-').padStart(8)}`);
}

console.log(`${`milliseconds in ${ROUNDS} rounds`.padEnd(58)} median    min    max    limit`);
const plain = (index) => ({ path: `/blog/${index}` });
await measure(
  'purgeUnder() of 100,000 pages',
  100_000,
  2000,
  () => fill(100_000, plain),
  () => pages.purgeUnder('/blog'),
);
await measure(
  'purgeUnder() of 1,000 pages among 100,000',
  1000,
  undefined,
  () => fill(100_000, (index) => ({ path: `/${index % 100}/${index}` })),
  () => pages.purgeUnder('/7'),
);
const tagged = (index) => ({ path: `/posts/${index}`, tags: ['posts', `post:${index}`, `author:${index % 100}`] });
await measure(
  'purgeTags() of 10,000 tagged pages',
  10_000,
  1000,
  () => fill(10_000, tagged),
  () => pages.purgeTags('posts'),
);
await measure(
  'purgeTags() of 100 among 10,000 tagged pages',
  100,
  undefined,
  () => fill(10_000, tagged),
  () => pages.purgeTags('author:7'),
);
await measure(
  'purgeTags() of 10,000 tagged pages among 100,000 pages',
  10_000,
  undefined,
  () => fill(100_000, (index) => (index < 10_000 ? tagged(index) : plain(index))),
  () => pages.purgeTags('posts'),
);
await measure(
  'purge() of one path',
  1,
  undefined,
  () => fill(1, plain),
  () => pages.purge('/blog/0'),
);

await store.keyv.disconnect();
await application.close();
await memcached.stop();
