// node scripts/examples.mjs [names]: installs the packed library into a copy of each of the examples, and runs `npm run check` there.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const examples = join(root, 'examples');

const names = process.argv.slice(2);
const applications = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'package.json')));
const chosen = names.length > 0 ? names : applications;
const directory = mkdtempSync(join(tmpdir(), 'examples-'));
try {
  run(root, 'npm', 'run', 'build');
  run(root, 'npm', 'pack', '--ignore-scripts', '--pack-destination', directory);
  const archive = readdirSync(directory).find((name) => name.endsWith('.tgz'));
  for (const name of chosen) {
    if (!existsSync(join(examples, name, 'package.json'))) throw new Error(`There is no example ${name}.`);
    const copy = join(directory, name);
    cpSync(join(examples, name), copy, { recursive: true, filter: (path) => !/\/(?:node_modules|dist)$/.test(path) });
    run(copy, 'npm', 'install', '--no-audit', '--no-fund', '--engine-strict', join(directory, archive));
    run(copy, 'npm', 'run', 'check');
    console.log(`ok ${name}`);
  }
} finally {
  rmSync(directory, { recursive: true });
}

function run(cwd, program, ...args) {
  const { status, error } = spawnSync(program, args, { cwd, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed in ${cwd}`, { cause: error });
}
