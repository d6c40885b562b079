import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findProgram } from '../../lib/testing/find-program.js';
import { freePort } from '../../lib/testing/index.js';
import { selfSigned } from '../support/certificate.js';
import { isNginxBefore } from '../support/nginx-version.js';
import { codeBlocks } from './code-blocks.js';

/** What surrounds a block that is no whole file. Those of docs/nginx.md that are run in test/nginx/documented-conf.spec.ts. */
const WRAPPERS: Record<string, (text: string) => string> = {
  main: (text) => (text.includes('events {') ? text : `${text} events {}`),
  http: (text) => `events {} http { log_format blog_cache_log '$request'; ${text} }`,
  server: (text) => `events {} http { access_log off; server { ${text} } }`,
};

const fragments = codeBlocks('nginx')
  .filter(({ guide, text }) => guide !== 'docs/nginx.md' || !text.startsWith('# /etc/nginx/'))
  .map(({ guide, line, part = '', text }) => ({ name: `${guide}:${line}`, part, text }));

it.each(fragments)('nginx takes $name', async ({ part, text }) => {
  const [, since = '0'] = /^\s*# nginx ([\d.]+) and newer/.exec(text) ?? [];
  if (isNginxBefore(since)) return;
  const directory = mkdtempSync(join(tmpdir(), 'documented-'));
  const { certificate, key } = selfSigned('example.com');
  writeFileSync(join(directory, 'cert.pem'), certificate);
  writeFileSync(join(directory, 'key.pem'), key);
  const port = await freePort();
  const local = text
    // Not every machine has IPv6.
    .replaceAll(/^ *listen \[::\].*\n/gm, '')
    .replaceAll('/var/log/nginx', directory)
    .replaceAll(/listen \d+/g, `listen 127.0.0.1:${port}`)
    .replace(/(?=listen .* ssl)/, `ssl_certificate ${directory}/cert.pem; ssl_certificate_key ${directory}/key.pem; `);
  const conf = WRAPPERS[part]?.(local) ?? `a block of nginx is a part: ${Object.keys(WRAPPERS).join(', ')};`;
  writeFileSync(
    join(directory, 'nginx.conf'),
    `pid ${directory}/nginx.pid; error_log ${directory}/error.log; ${conf}\n`,
  );
  const { stderr, status } = spawnSync(findProgram('nginx'), ['-t', '-q', '-c', join(directory, 'nginx.conf')], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  rmSync(directory, { recursive: true });
});
