import { it } from 'vitest';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { memcachedStore, nginxConf } from '../lib/index.js';
it.each(['memcached', 'srcache', 'njs'] as const)('%s', (flavour) => {
  const dir = `/tmp/fl/${flavour}`;
  mkdirSync(dir, { recursive: true });
  const port = { memcached: 9001, srcache: 9002, njs: 9003 }[flavour];
  const { full, files } = nginxConf(
    { prefix: 'blog:', query: { allow: ['page'] }, store: memcachedStore({ servers: process.env.MC ?? 'unix:/tmp/fl/mc.sock' }), nginx: { flavour } },
    { app: '127.0.0.1:9000', listen: port, directory: dir, modulesDirectory: '/usr/lib/nginx/modules' },
  );
  for (const [p, t] of Object.entries({ ...files, 'nginx.conf': full })) writeFileSync(`${dir}/${p}`, t.replace('worker_processes auto', 'worker_processes 1').replace(/access_log .*/, 'access_log off;'));
  execFileSync('nginx', ['-t', '-c', `${dir}/nginx.conf`], { stdio: 'inherit' });
});
