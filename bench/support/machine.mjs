import { execFileSync, spawnSync } from 'node:child_process';
import { cpus, loadavg, release } from 'node:os';

/** What figures depend on, besides what is measured. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    loadAtTheStart: loadavg()[0],
    node: process.versions.node,
    nginx: version('nginx', '-v'),
    memcached: version('memcached', '-V'),
    varnish: version('varnishd', '-V'),
  };
}

/** Whether a program can be run. */
export function isInstalled(program) {
  return spawnSync('which', [program]).status === 0;
}

function version(program, flag) {
  if (!isInstalled(program)) return undefined;
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8' });
  return /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0];
}

/** The commit that is measured. */
export function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
