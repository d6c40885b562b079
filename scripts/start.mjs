// npm start: builds the library and the sample, runs the blog behind nginx, and shows what the page cache does.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NEEDED_BY } from './flavours.mjs';

const FLAVOURS = Object.keys(NEEDED_BY).join(', ');

/** More would only take longer to start. */
const MAX_SERVERS = 16;

const USAGE = `Usage: npm start -- [options]

  --flavour F   how nginx reads the pages: ${FLAVOURS} (default memcached)
  --servers N   how many memcacheds the pages are spread over (default 1): with more, one is stopped during the tour
  --port N      port of nginx (default 8080, or a free one when that is taken)
  --once        end after the tour, with exit code 0 when all was as it should be
  --help        show this`;

const root = fileURLToPath(new URL('..', import.meta.url));

process.exit(await main());

async function main() {
  let options;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  console.log('nestjs-nginx-cache: a blog that renders each page once\n');
  let servers;
  try {
    servers = await prepare(NEEDED_BY[options.flavour]);
  } catch (error) {
    console.error(error.message);
    return 1;
  }
  const { demo } = await import('../sample/dist/demo/demo.js');
  return demo({ ...options, ...servers });
}

function optionsOf(args) {
  const {
    flavour = 'memcached',
    servers = '1',
    port,
    once = false,
    help = false,
  } = parseArgs({
    args,
    options: {
      flavour: { type: 'string' },
      servers: { type: 'string' },
      port: { type: 'string' },
      once: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  }).values;
  if (!Object.hasOwn(NEEDED_BY, flavour)) throw new Error(`--flavour ${flavour}: a flavour is one of ${FLAVOURS}.`);
  const memcacheds = wholeNumber('servers', servers, MAX_SERVERS);
  if (memcacheds > 1 && flavour === 'files') throw new Error(`--servers ${servers}: files are on no server.`);
  return { flavour, memcacheds, once, help, ...(port !== undefined && { port: wholeNumber('port', port, 65_535) }) };
}

function wholeNumber(option, text, max) {
  if (/^\d+$/.test(text) && text >= 1 && text <= max) return Number(text);
  throw new Error(`--${option} ${text}: a whole number from 1 to ${max} is needed.`);
}

/** @returns where nginx's modules are, and what to tell when the site must do without nginx */
async function prepare(needed) {
  const { find, installPackages, installServers } = await import('./bootstrap.mjs');
  // If one fails, the other still finishes.
  const [servers, packages] = await Promise.allSettled([installServers({ needed }), installPackages()]);
  for (const { reason } of [servers, packages]) if (reason) throw reason;
  const { missing, hint } = servers.value;
  const start = performance.now();
  const library = ['lib', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  build('dist/index.js', library, 'typescript/bin/tsc', '-p', 'tsconfig.build.json');
  build('sample/dist/main.js', ['sample', 'nest-cli.json', 'dist/index.js'], '@nestjs/cli/bin/nest.js', 'build');
  console.log(`  built       in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  const module = needed.find((name) => name.endsWith('.so'));
  return {
    modulesDirectory: module && find(module),
    without: missing.length > 0 ? `Not found: ${missing.join(' and ')}. ${hint}` : undefined,
  };
}

/** Whether a file is older than one of its sources: files, or all that is in a directory. A directory changes when a file goes. */
function isStale(output, sources) {
  const built = modified(output);
  return sources.some((source) => {
    if (modified(source) > built) return true;
    const inside = statSync(join(root, source)).isDirectory()
      ? readdirSync(join(root, source), { recursive: true })
      : [];
    return inside.some((path) => !/^dist\b/.test(path) && modified(join(source, path)) > built);
  });
}

/** In milliseconds; 0 when there is no such file. */
function modified(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Runs a compiler when its output is older than its sources. Quiet unless it fails. */
function build(output, sources, script, ...args) {
  if (!isStale(output, sources)) return;
  const { status, stdout, stderr } = spawnSync(process.execPath, [`node_modules/${script}`, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  // tsc writes it all the same.
  rmSync(join(root, output), { force: true });
  throw new Error(`The build failed.\n${stdout}${stderr}`);
}
