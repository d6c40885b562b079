// Varnish with its built-in VCL, which keeps pages as the application has packed them
// (https://varnish-cache.org/docs/7.1/users-guide/compression.html).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const varnish = {
  name: 'Varnish',
  by: 'Varnish',
  source: 'https://varnish-cache.org/docs/7.1/users-guide/',
  programs: ['varnishd'],
  async start({ directory, origin }) {
    const [host, port] = origin.address.split(':');
    const vcl = join(directory, 'default.vcl');
    writeFileSync(vcl, `vcl 4.1;\nbackend default { .host = "${host}"; .port = "${port}"; }\n`);
    const work = join(directory, 'varnish');
    mkdirSync(work);
    const own = await freePort();
    // In the foreground, so that it ends with this process's group; without an administration port.
    const args = ['-F', '-a', `127.0.0.1:${own}`, '-f', vcl, '-s', 'malloc,4g', '-n', work, '-T', 'none'];
    const child = spawn('varnishd', args, { stdio: 'ignore' });
    process.once('exit', () => child.kill());
    const url = `http://127.0.0.1:${own}`;
    const end = Date.now() + 20_000;
    while (!(await fetch(url).catch(() => undefined))) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`varnishd did not start: ${args.join(' ')}`);
      await delay(50);
    }
    return {
      url,
      renders: origin.renders,
      processes: () => ({ varnish: child.pid }),
      stop: async () => {
        child.kill();
        if (child.exitCode === null) await once(child, 'exit');
      },
    };
  },
};

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
