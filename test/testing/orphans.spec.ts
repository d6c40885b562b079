import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { buildChild } from '../support/child-program.js';

const script = `
import { MemcachedServer, NginxServer } from './lib/testing/index.js';
const memcached = await MemcachedServer.start({ unix: true });
memcached.pause();
const nginx = await NginxServer.start(({ port, directory }) => ({
  full: \`pid \${directory}/nginx.pid; worker_processes 2; events {}
    http { access_log off; server { listen 127.0.0.1:\${port}; } }\`,
}));
process.stdout.write(JSON.stringify({ pids: [memcached.pid, nginx.pid], directory: nginx.directory, url: nginx.url }) + '\\n');
if (process.argv[2] === 'wait') setInterval(() => {}, 1000);
`;

it.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'its end'] as const)(
  'no server outlives %s of the test process',
  async (end) => {
    const program = await buildChild(script);
    const args = [program, end === 'its end' ? 'end' : 'wait'];
    const test = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(test, 'exit');
    const [line] = (await once(createInterface(test.stdout), 'line')) as [string];
    const servers = JSON.parse(line) as { pids: number[]; directory: string; url: string };
    if (end !== 'its end') test.kill(end);
    await exit;

    await expect.poll(() => servers.pids.filter(isRunning)).toEqual([]);
    await expect.poll(() => existsSync(servers.directory)).toBe(false);
    await expect(fetch(servers.url)).rejects.toThrow();
  },
);

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie, where nobody takes care of orphans (process 1 of a container), runs no more.
    return !existsSync('/proc') || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
