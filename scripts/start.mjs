// npm start: builds the library and the sample, runs the blog behind nginx, and shows what the page cache does.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `Usage: npm start -- [options]

  --port N   port of nginx (default 8080, or a free one when that is taken)
  --once     end after the tour, with exit code 0 when all was as it should be
  --help     show this`;

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
  let without;
  try {
    without = await prepare();
  } catch (error) {
    console.error(error.message);
    return 1;
  }
  const { demo } = await import('../sample/dist/demo/demo.js');
  return demo({ ...options, without });
}

function optionsOf(args) {
  const {
    port,
    once = false,
    help = false,
  } = parseArgs({
    args,
    options: { port: { type: 'string' }, once: { type: 'boolean' }, help: { type: 'boolean' } },
  }).values;
  if (port === undefined) return { once, help };
  if (!/^\d+$/.test(port) || port < 1 || port > 65535)
    throw new Error(`--port ${port}: a port is a number up to 65535.`);
  return { port: Number(port), once, help };
}

/** @returns what to tell when the site must do without nginx and memcached */
async function prepare() {
  const { installPackages, installServers } = await import('./bootstrap.mjs');
  installPackages();
  const { missing, hint } = installServers({ needed: ['nginx', 'memcached'] });
  const start = performance.now();
  build('typescript/bin/tsc', '-p', 'tsconfig.build.json');
  build('@nestjs/cli/bin/nest.js', 'build');
  console.log(`  built       in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return missing.length > 0 ? `Not found: ${missing.join(' and ')}. ${hint}` : undefined;
}

/** Quiet unless it fails. */
function build(script, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`node_modules/${script}`, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The build failed.\n${stdout}${stderr}`);
}
