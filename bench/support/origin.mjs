// The application behind the caches that are not this module's: as fast as can be, and packed for those who take it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { pageAt } from './pages.mjs';

export async function startOrigin() {
  let renders = 0;
  const server = createServer(({ url, headers }, response) => {
    renders += 1;
    const page = pageAt(url);
    const packs = page !== undefined && /\bgzip\b/.test(headers['accept-encoding'] ?? '');
    response.writeHead(page === undefined ? 404 : 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'max-age=3600',
      Vary: 'Accept-Encoding',
      ...(packs && { 'Content-Encoding': 'gzip' }),
    });
    response.end(packs ? gzipSync(page) : (page ?? 'No such page'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${server.address().port}`,
    renders: () => renders,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
