// How long purges take on a real memcached: purgeUnder over 100,000 pages, purgeTags over 10,000 tagged ones. The same with 300,000
// pages on three servers. Then, at how many purges a second of other pages a page is still stored, by how long it takes to render.
//
//   npx tsc -p tsconfig.build.json && node bench/purge.mjs
//
// ROUNDS=5 RING_ROUNDS=3 RATES=100,500,2000,5000,10000 SECONDS=6 are the defaults; ROUNDS=0 leaves the first part out, RING_ROUNDS=0 the
// second, SECONDS=0 the third.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { memcachedStore, NginxCacheModule, PageCacheService } from '../dist/index.js';
import { bodyFormat } from '../dist/page/body-format.js';
import { MemcachedServer } from '../dist/testing/index.js';

const { env } = process;
const ROUNDS = Number(env['ROUNDS'] ?? 5);
const RING_ROUNDS = Number(env['RING_ROUNDS'] ?? 3);
const SECONDS = Number(env['SECONDS'] ?? 6);
const RATES = (env['RATES'] ?? '100,500,2000,5000,10000').split(',').map(Number);
const RENDERS = [50, 300, 3000];
/** Processes that purge. */
const PURGERS = 2;
const HEADERS = [['Content-Type', 'text/html; charset=utf-8']];
const BODY = Buffer.alloc(1000, 'x');

Logger.overrideLogger(false);
if (process.argv[2]) await purgeOnDemand(process.argv[2]);

const single = await open(1);
const { pages } = single;
const [memcached] = single.memcacheds;
const [store] = single.servers;

async function open(servers) {
  const start = () => MemcachedServer.start({ args: ['-m', '1024'] });
  const memcacheds = await Promise.all(Array.from({ length: servers }, start));
  const definition = memcachedStore({ servers: memcacheds.map(({ address }) => address) });
  const context = { format: bodyFormat(HEADERS), prefix: 'page:', maxPageBytes: 1e6 };
  const application = await NestFactory.createApplicationContext(NginxCacheModule.forRoot({ store: definition }));
  const one = () => {
    const only = definition.open(context);
    return { keyv: only.keyv, servers: [only], serverOf: () => 0 };
  };
  const { keyv, servers: stores, serverOf } = definition.openSpread?.(context) ?? one();
  const close = async () => {
    await keyv.disconnect();
    await application.close();
    await Promise.all(memcacheds.map((server) => server.stop()));
  };
  return { memcacheds, pages: application.get(PageCacheService), servers: stores, serverOf, close };
}

/** Stores a page as a request that comes in now does. */
async function put(path, page, rendering = async () => {}, { servers, serverOf } = single) {
  const key = `page:${path}`;
  const store = servers[serverOf(key)];
  const arrival = { position: store.journal.window.position, time: Date.now() };
  const address = { key, path, target: path, host: undefined, variants: {} };
  const write = await store.begin(address, { arrival, renews: false });
  await rendering();
  return write.commit(page, 0);
}

/** @param {(index: number) => { path: string, tags?: string[] }} page */
async function fill(count, page, site = single) {
  for (let at = 0; at < count; at += 1000) {
    await Promise.all(
      Array.from({ length: Math.min(1000, count - at) }, async (_, index) => {
        const { path, tags } = page(at + index);
        const value = { status: 200, headers: HEADERS, body: BODY, ...(tags && { tags }) };
        const { stored } = await put(path, value, undefined, site);
        if (!stored) throw new Error(`${path} was not stored`);
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
    await Promise.all([until(() => pages.purge('/never')), until(() => store.journal.look())]);
    await prepare();
    const { purged, duration } = await purge();
    if (purged !== expected) throw new Error(`${what}: ${purged} pages purged, not ${expected}`);
    times.push(duration);
  }
  print(what, times, limit);
}

function print(what, times, limit = '-') {
  const figures = [median(times), Math.min(...times), Math.max(...times)].map((time) => time.toFixed(0).padStart(6));
  console.log(`${what.padEnd(58)} ${figures.join(' ')} ${String(limit).padStart(8)}`);
}

if (ROUNDS > 0) await durations();
if (RING_ROUNDS > 0) await onThree(300_000);
if (SECONDS > 0) await rates();

await single.close();

async function durations() {
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
}

/** One page in a hundred is below a path, one in ten has a tag. */
async function onThree(count) {
  console.log(`\n${`${count} pages on three servers, ${RING_ROUNDS} rounds`.padEnd(58)} median    min    max`);
  const ring = await open(3);
  const purges = [
    { what: 'purgeUnder() of one page in a hundred', expected: count / 100, purge: () => ring.pages.purgeUnder('/7') },
    { what: 'purgeTags() of one page in ten', expected: count / 10, purge: () => ring.pages.purgeTags('posts') },
    {
      what: 'purgeUnder() of all that are left',
      expected: (count * 89) / 100,
      purge: () => ring.pages.purgeUnder('/'),
    },
  ];
  const times = purges.map(() => []);
  for (let round = 0; round < RING_ROUNDS; round += 1) {
    for (const server of ring.memcacheds) await server.restart();
    await until(() => ring.pages.purgeAll());
    await until(() => Promise.all(ring.servers.map(({ journal }) => journal.look())));
    const tags = (index) => (index % 10 === 0 ? ['posts', `post:${index}`] : undefined);
    await fill(count, (index) => ({ path: `/${index % 100}/${index}`, tags: tags(index) }), ring);
    for (const [index, { what, expected, purge }] of purges.entries()) {
      const { purged, duration } = await purge();
      if (purged !== expected) throw new Error(`${what}: ${purged} pages purged, not ${expected}`);
      times[index].push(duration);
    }
  }
  for (const [index, { what }] of purges.entries()) print(what, times[index]);
  await ring.close();
}

/** Which share of the pages is stored while others are purged. */
async function rates() {
  await memcached.restart();
  await until(() => store.journal.look());
  const purgers = Array.from({ length: PURGERS }, () => fork(process.argv[1], [memcached.address]));
  await Promise.all(purgers.map((purger) => once(purger, 'message')));
  console.log(
    `\nstored, in % of the pages that take so long to render\npurges a second ${RENDERS.map((ms) => `${ms} ms`.padStart(9)).join('')}`,
  );
  for (const rate of RATES) {
    const answers = purgers.map((purger) => once(purger, 'message'));
    for (const purger of purgers) purger.send({ rate: rate / PURGERS, seconds: SECONDS });
    const shares = await Promise.all(RENDERS.map((milliseconds) => share(rate, milliseconds)));
    const done = (await Promise.all(answers)).reduce((sum, [count]) => sum + count, 0) / SECONDS;
    console.log(`${done.toFixed(0).padStart(15)} ${shares.map((one) => (100 * one).toFixed(0).padStart(9)).join('')}`);
  }
  for (const purger of purgers) purger.disconnect();
}

/** Ten pages at a time. */
async function share(rate, milliseconds) {
  const until = performance.now() + SECONDS * 1000 - milliseconds;
  const page = { status: 200, headers: HEADERS, body: BODY };
  let [stored, count] = [0, 0];
  const visit = async (visitor) => {
    for (let visits = 0; visits === 0 || performance.now() < until; visits += 1) {
      const path = `/${rate}/${milliseconds}/${visitor}/${visits}`;
      const result = await put(path, page, () => delay(milliseconds)).catch(() => undefined);
      if (result?.stored) stored += 1;
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, visitor) => visit(visitor)));
  return stored / count;
}

/** A process that purges so many pages a second, each in a purge of its own. */
async function purgeOnDemand(servers) {
  const app = await NestFactory.createApplicationContext(
    NginxCacheModule.forRoot({ store: memcachedStore({ servers }) }),
  );
  const service = app.get(PageCacheService);
  await until(() => service.purge('/never'));
  const purge = async ({ rate, seconds }) => {
    const begin = performance.now();
    let [asked, acknowledged] = [0, 0];
    const work = [];
    for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - begin) / 1000) {
      for (; asked < elapsed * rate; asked += 1) {
        work.push(
          service.purge(`/other/${process.pid}/${asked}`).then(
            () => (acknowledged += 1),
            () => {},
          ),
        );
      }
      await delay(2);
    }
    await Promise.all(work);
    process.send(acknowledged);
  };
  process.on('message', (message) => void purge(message));
  process.send('ready');
  await once(process, 'disconnect');
  await app.close();
  process.exit();
}
