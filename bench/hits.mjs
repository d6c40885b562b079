// What a hit costs nginx: each flavour beside what one would use without this library, in turns.
//
//   npx tsc -p tsconfig.build.json && node bench/hits.mjs
//
// ROUNDS=9 SECONDS=2 CONNECTIONS=32 are the defaults. Machines are noisy: compare within one run.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { fileStore, memcachedStore, nginxConf } from '../dist/index.js';
import { bodyFormat } from '../dist/page/body-format.js';
import { responseFormat } from '../dist/page/response-format.js';
import { MemcachedServer, NginxServer } from '../dist/testing/index.js';

const run = promisify(execFile);
const { env } = process;
const [rounds, seconds, connections] = [env['ROUNDS'] ?? 9, env['SECONDS'] ?? 2, env['CONNECTIONS'] ?? 32].map(Number);
const modulesDirectory = env['MODULES'] ?? '/usr/lib/nginx/modules';
const CLOCK_TICK = 10_000; // microseconds: 100 a second, on every Linux

// 30 KB of text that packs to about a third, the same each time.
let state = 1;
const random = () => (state = (state * 48_271) % 2_147_483_647);
const words = Array.from({ length: 2000 }, () => random().toString(36));
const plain = Buffer.from(
  Array.from({ length: 5000 }, () => words[random() % 2000])
    .join(' ')
    .slice(0, 30_000),
);
const headers = [
  ['Content-Type', 'text/html; charset=utf-8'],
  ['Date', new Date().toUTCString()],
];
const page = { status: 200, headers, body: gzipSync(plain), contentEncoding: 'gzip' };
const html = bodyFormat(headers.slice(0, 1));

const root = mkdtempSync(join(tmpdir(), 'hits-'));
chmodSync(root, 0o755);
const memcached = await MemcachedServer.start({ unix: true });
const tcp = await MemcachedServer.start();
const app = createServer((_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html', 'Cache-Control': 'max-age=3600', 'X-Accel-Expires': '3600' });
  response.end(plain);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => app.once('listening', resolve));
const origin = `127.0.0.1:${app.address().port}`;

async function store(definition, format) {
  const context = { format, prefix: 'page:', maxPageBytes: 1e6, compress: true, mustList: false };
  const open = definition.open(context);
  await open.journal.look();
  const address = { key: 'page:/p', path: '/p', target: '/p', host: undefined, variants: {} };
  const arrival = { position: open.journal.window.position, time: Date.now() };
  const write = await open.begin(address, { arrival, renews: false });
  const result = await write.commit(page, 3_600_000);
  if (!result.stored) throw new Error(`not stored: ${result.reason}`);
  return open.keyv;
}

const one = (conf) => ({
  ...conf,
  full: conf.full
    .replace('worker_processes auto', 'worker_processes 1')
    .replace(/access_log [^;]+;/, 'access_log off;'),
});

/** One of the flavours. */
function ours(flavour, definition) {
  return ({ port, directory }) =>
    one(
      nginxConf(
        { store: definition, nginx: { flavour }, hosts: 'any' },
        { app: origin, listen: port, directory, modulesDirectory },
      ),
    );
}

/** A configuration by hand. */
function theirs(location, http = '') {
  return ({ port, directory }) => ({
    files: {},
    full: `worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
      events { worker_connections 1024; }
      http { access_log off; client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p; ${http.replaceAll('DIRECTORY', directory)}
        server { listen ${port}; location / { default_type text/html; ${location} } } }`,
  });
}

const memcachedDefinition = memcachedStore({ servers: memcached.address });
const files = fileStore({ root: join(root, 'pages') });
mkdirSync(join(root, 'static'));
for (const [name, bytes] of [
  ['p', plain],
  ['p.gz', page.body],
])
  writeFileSync(join(root, 'static', name), bytes);
const cachePath = 'proxy_cache_path DIRECTORY/cache keys_zone=c:1m;';

/** @type {[name: string, configuration: Parameters<typeof NginxServer.start>[0], fill: () => any][]} */
const subjects = [
  ['memcached', ours('memcached', memcachedDefinition), () => store(memcachedDefinition, html)],
  ['srcache', ours('srcache', memcachedDefinition), () => store(memcachedDefinition, responseFormat)],
  ['njs', ours('njs', memcachedDefinition), () => store(memcachedDefinition, responseFormat)],
  ['files', ours('files', files), () => undefined],
  [
    'tutorial: memcached_pass over TCP, gzip on',
    theirs(`set $memcached_key "page:$uri"; memcached_pass ${tcp.address}; gzip on;`),
    () => undefined,
  ],
  ['proxy_cache, gzip on', theirs(`proxy_pass http://${origin}; proxy_cache c; gzip on;`, cachePath), () => undefined],
  ['proxy_cache, same bytes', theirs(`proxy_pass http://${origin}/p.gz; proxy_cache c;`, cachePath), () => undefined],
  ['static file, gzip_static', theirs(`root ${root}/static; gzip_static on; sendfile on;`), () => undefined],
];

const keeper = await store(files, html);
await tcp.send(`set page:/p 0 0 ${plain.length}\r\n${plain.toString('latin1')}`);

const cpuOf = (nginx) => {
  const worker = execFileSync('pgrep', ['-P', String(nginx.pid), '-f', 'worker process'], { encoding: 'utf8' }).trim();
  const fields = readFileSync(`/proc/${worker}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK;
};
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const running = [];
for (const [name, configuration, fill] of subjects) {
  const nginx = await NginxServer.start(configuration);
  running.push({ name, fill, nginx, cpu: [], rate: [] });
  await (await fill())?.disconnect();
  // Into the cache of nginx.
  await (await fetch(`${nginx.url}/p`)).arrayBuffer();
}
for (let round = 0; round < rounds; round += 1) {
  for (const { name, fill, nginx, cpu, rate } of running) {
    await (await fill())?.disconnect();
    const before = cpuOf(nginx);
    const wrk = ['-t1', `-c${connections}`, `-d${seconds}s`, '-H', 'Accept-Encoding: gzip', `${nginx.url}/p`];
    // The store of the files vouches for them meanwhile.
    const { stdout: output } = await run('wrk', wrk);
    const requests = Number(/(\d+) requests in/.exec(output)[1]);
    const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
    if (failed > requests / 1000) throw new Error(`${name}: ${failed} of ${requests} failed`);
    cpu.push((cpuOf(nginx) - before) / requests);
    rate.push(Number(/Requests\/sec: +([\d.]+)/.exec(output)[1]));
  }
}
const [first] = running;
console.log(`page of ${plain.length} bytes, ${page.body.length} packed; medians of ${rounds} rounds\n`);
console.log(`${''.padEnd(46)}us of CPU   hits/s   hits/s against ${first.name}`);
for (const { name, cpu, rate } of running) {
  const ratio = median(rate.map((value, index) => value / first.rate[index]));
  console.log(
    `${name.padEnd(46)}${median(cpu).toFixed(1).padStart(9)}${median(rate).toFixed(0).padStart(9)}${ratio.toFixed(2).padStart(9)}`,
  );
}

await keeper.disconnect();
for (const { nginx } of running) await nginx.stop();
app.close();
await memcached.stop();
await tcp.stop();
rmSync(root, { recursive: true });
