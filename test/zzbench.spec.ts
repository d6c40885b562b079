import { writeFileSync, mkdirSync, rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { createServer } from 'node:http';
import { execFileSync, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'vitest';
import { fileStore, nginxConf } from '../lib/index.js';
import { bodyFormat } from '../lib/page/body-format.js';
it('bench', { timeout: 600000 }, async () => {
  const dir = process.env['BENCHDIR'] ?? '/tmp/fb';
  rmSync(dir + '/root', { recursive: true, force: true });
  mkdirSync(dir + '/proxy', { recursive: true });
  const ttl = 600_000;
  const store = fileStore({ root: dir + '/root' });
  const html = ('<p>' + Array.from({ length: 3000 }, () => Math.random().toString(36).slice(2, 9)).join(' ') + '</p>').slice(0, 30000);
  const gz = gzipSync(html);
  const { keyv, deletePages, keys } = store.open({ format: bodyFormat([]), prefix: 'blog:', maxPageBytes: 1e6, compress: true, mustList: false });
  await keyv.set('blog:/posts/a-page', { status: 200, headers: [], body: gz, contentEncoding: 'gzip' }, ttl);
  await keyv.set('blog:/posts/kept', { status: 200, headers: [], body: gz, contentEncoding: 'gzip' }, 0);
  mkdirSync(dir + '/static/posts', { recursive: true });
  writeFileSync(dir + '/static/posts/a-page', html); writeFileSync(dir + '/static/posts/a-page.gz', gz);
  const backend = createServer((req, res) => {
    res.setHeader('content-type', 'text/html; charset=utf-8'); res.setHeader('vary', 'accept-encoding'); res.setHeader('etag', '"x"');
    if (/gzip/.test(String(req.headers['accept-encoding'] ?? ''))) { res.setHeader('content-encoding', 'gzip'); res.end(gz); } else res.end(html);
  }).listen(9777, '127.0.0.1');
  const p = nginxConf({ prefix: 'blog:', store }, { app: '127.0.0.1:9777' });
  const stat = `root ${dir}/static; types {} default_type text/html; charset utf-8; sendfile on; gzip off; gzip_static on; gzip_vary on; gzip_proxied any; etag on;`;
  writeFileSync(dir + '/nginx.conf', `worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log; events { worker_connections 4096; } http { access_log off; tcp_nopush on; server_tokens off; keepalive_requests 1000000;
   variables_hash_bucket_size 128; variables_hash_max_size 4096; ${p.http}
   proxy_cache_path ${dir}/proxy levels=1:2 keys_zone=z:10m;
   server { listen 127.0.0.1:9780; ${p.server} }
   server { listen 127.0.0.1:9781; location / { ${stat} } }
   server { listen 127.0.0.1:9782; location / { ${stat} try_files $uri =404; add_header Cache-Status "nginx; hit"; } }
   server { listen 127.0.0.1:9783; location / { proxy_pass http://127.0.0.1:9777; proxy_cache z; proxy_cache_valid 200 1h; proxy_cache_key $request_uri; sendfile on; add_header Cache-Status "nginx; hit"; } }
   server { listen 127.0.0.1:9784; location / { ${stat} open_file_cache max=100; } }
  }`);
  const ng = spawn('nginx', ['-c', dir + '/nginx.conf', '-g', 'daemon off;'], { stdio: 'inherit' });
  await sleep(500);
  const targets: Record<string, string> = { files: '9780/posts/a-page', kept: '9780/posts/kept', static: '9781/posts/a-page', 'static+try_files': '9782/posts/a-page', proxy_cache: '9783/posts/a-page', 'static+ofc': '9784/posts/a-page' };
  const out: string[] = [];
  for (const enc of ['gzip', 'identity']) {
    const res: Record<string, number[]> = {};
    for (const t of Object.values(targets)) { const h = execFileSync('curl', ['-s', '-o', '/dev/null', '-D', '-', '-H', `Accept-Encoding: ${enc}`, 'http://127.0.0.1:' + t]).toString(); execFileSync('curl', ['-s', '-o', '/dev/null', '-H', `Accept-Encoding: ${enc}`, 'http://127.0.0.1:' + t]); if (enc === 'gzip') out.push(t + ' ' + h.replace(/\r\n/g, ' | ')); }
    for (let round = 0; round < 7; round++) for (const [n, t] of Object.entries(targets)) {
      const child = spawn('wrk', ['-t1', '-c32', '-d2s', '-H', `Accept-Encoding: ${enc}`, 'http://127.0.0.1:' + t]);
      let o = ''; child.stdout.on('data', (d) => (o += d)); await new Promise((r) => child.on('close', r));
      (res[n] ??= []).push(Number(/Requests\/sec:\s+([\d.]+)/.exec(o)?.[1]));
    }
    const med = (a: number[]) => a.toSorted((x, y) => x - y)[3]!;
    const f = med(res['files']!);
    for (const [n, a] of Object.entries(res)) out.push(`${enc} ${n} ${Math.round(med(a))} files/this=${(f / med(a)).toFixed(3)} [${a.map(Math.round).join(' ')}]`);
  }
  writeFileSync(dir + '/result.txt', out.join('\n') + '\n');
  ng.kill(); backend.closeAllConnections(); backend.close();
  // purge speed
  if (process.env['PURGE']) {
  const N = 20000; const small = { status: 200, headers: [], body: gz, contentEncoding: 'gzip' as const };
  let t = performance.now(); let i = 0;
  await Promise.all(Array.from({ length: 16 }, async () => { while (i < N) await keyv.set('blog:/p/' + (i % 100) + '/' + i++, small, ttl); }));
  out.push(`set ${((performance.now() - t) / N).toFixed(3)} ms`);
  t = performance.now(); const all: string[] = []; for await (const k of keys!('blog:')) all.push(k); out.push(`list ${all.length} ${(performance.now() - t).toFixed(0)} ms`);
  t = performance.now(); const n = await deletePages(all); out.push(`delete ${n} ${(performance.now() - t).toFixed(0)} ms`);
  writeFileSync(dir + '/result.txt', out.join('\n') + '\n');
  }
  await keyv.disconnect();
});
