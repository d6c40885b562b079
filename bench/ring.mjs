// What happens when far more pages are written to a ring than it has room for, as fast as they go: 100,000 of 30 KB to three servers
// with 512 MB together.
//
//   npm run build && node bench/ring.mjs
//
// PAGES=100000 AT_ONCE=100,1000,10000 SERVERS=3 MEGABYTES=512 are the defaults.
import { memcachedStore } from '../dist/index.js';
import { bodyFormat } from '../dist/page/body-format.js';
import { MemcachedServer } from '../dist/testing/index.js';

const { env } = process;
const [count, servers, megabytes] = [env['PAGES'] ?? 100_000, env['SERVERS'] ?? 3, env['MEGABYTES'] ?? 512].map(Number);
const SIZE = 30_000;
const HEADERS = [['Content-Type', 'text/html; charset=utf-8']];
const MB = 2 ** 20;
const READERS = 20;

const args = ['-m', String(Math.floor(megabytes / servers))];
const memcacheds = await Promise.all(Array.from({ length: servers }, () => MemcachedServer.start({ args })));
const addresses = memcacheds.map(({ address }) => address);
const context = { format: bodyFormat(HEADERS), prefix: 'page:', maxPageBytes: 1e6 };
const ring = memcachedStore({ servers: addresses }).openSpread(context);
await Promise.all(ring.servers.map(({ journal }) => journal.look()));

console.log('memory of the process (RSS) in MB: the most in each third of the pages\n');
const COLUMNS = ['at once', 'pages/s', 'stored', 'refused', '1st third', '2nd', '3rd', 'kept', 'torn'];
console.log(COLUMNS.map((name) => name.padStart(10)).join(''));
try {
  for (const atOnce of (env['AT_ONCE'] ?? '100,1000,10000').split(',').map(Number)) await measure(atOnce);
} finally {
  await ring.keyv.disconnect();
  await Promise.all(memcacheds.map((server) => server.stop()));
}

async function measure(atOnce) {
  for (const server of memcacheds) await server.flush();
  const outcomes = new Map();
  const most = [0, 0, 0];
  let next = 0;
  const start = performance.now();
  const write = async () => {
    while (next < count) {
      const index = next++;
      const outcome = await put(`/${atOnce}/${index}`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const third = Math.floor((3 * index) / count);
      if (index % 50 === 0) most[third] = Math.max(most[third], process.memoryUsage.rss() / MB);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, write));
  const rate = (count / (performance.now() - start)) * 1000;
  const stored = outcomes.get('stored') ?? 0;
  outcomes.delete('stored');
  let [kept, torn] = [0, 0];
  next = 0;
  const check = async () => {
    while (next < count) {
      const path = `/${atOnce}/${next++}`;
      const page = await read(path);
      if (!page) continue;
      kept += 1;
      if (!page.body.equals(bodyOf(path))) torn += 1;
    }
  };
  await Promise.all(Array.from({ length: READERS }, check));
  const cells = [atOnce, rate, stored, count - stored, ...most, kept, torn];
  console.log(cells.map((value) => value.toFixed(0).padStart(10)).join(''));
  if (outcomes.size > 0) console.log('refused:', Object.fromEntries(outcomes));
}

/** As a request does that comes in now. Its page is made when the store has answered. */
async function put(path) {
  const key = `page:${path}`;
  const { begin, journal } = ring.servers[ring.serverOf(key)];
  const arrival = { position: journal.window.position, time: Date.now() };
  const address = { key, path, target: path, host: undefined, variants: {} };
  try {
    const write = await begin(address, { arrival, renews: false });
    const { stored, reason } = await write.commit({ status: 200, headers: HEADERS, body: bodyOf(path) }, 0);
    return stored ? 'stored' : reason;
  } catch (error) {
    return error.reason ?? String(error);
  }
}

async function read(path) {
  for (;;) {
    try {
      return await ring.keyv.get(`page:${path}`);
    } catch {
      // Late: on a busy machine, once more.
    }
  }
}

/** No two of them are alike. */
function bodyOf(path) {
  return Buffer.alloc(SIZE, path.padEnd(30));
}
