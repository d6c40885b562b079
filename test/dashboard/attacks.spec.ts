import { createServer } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawResponse } from '../../lib/testing/index.js';
import { type DashboardSite, startDashboardSite } from './support/dashboard-site.js';

let started: DashboardSite;

beforeAll(async () => {
  started = await startDashboardSite();
  await started.visit('/posts/1');
});

afterAll(() => started?.[Symbol.asyncDispose]());

function json<T>({ body }: RawResponse): T {
  return JSON.parse(body.toString()) as T;
}

function field({ headers }: RawResponse, name: string): string | undefined {
  return headers.find(([one]) => one.toLowerCase() === name)?.[1];
}

/** When memcached is late, the dashboard answers with an error. */
async function isStored(): Promise<boolean> {
  const answer = await started.dashboard.ask('GET /api/page?target=/posts/1');
  return json<{ stored?: unknown[] }>(answer).stored?.length === 1;
}

const PURGE = 'POST /api/purge?path=/posts/1';

describe('who may ask', () => {
  it.each([
    ['another name that leads to this machine (DNS rebinding)', 'GET /api/pages', { Host: 'attacker.example' }, 421],
    ['that name with the right port', 'GET /', { Host: 'attacker.example:PORT' }, 421],
    ['no name', 'GET /', { Host: '' }, 421],
    ['nobody who has no token', PURGE, { Authorization: undefined }, 401],
    ['nobody with another token', PURGE, { Authorization: `Bearer ${'x'.repeat(32)}` }, 401],
    ['nobody with a part of it', PURGE, { Authorization: 'Bearer PART' }, 401],
    ['nobody with the token as a cookie', PURGE, { Authorization: undefined, Cookie: 'token=TOKEN' }, 401],
    ['nobody with the token in the address', `${PURGE}&token=TOKEN`, { Authorization: undefined }, 401],
    ['a form of another site (CSRF)', PURGE, { Origin: 'https://attacker.example' }, 403],
    ['a sandboxed frame', PURGE, { Origin: 'null' }, 403],
    ['another port of this machine', PURGE, { Origin: 'http://127.0.0.1:1' }, 403],
    ['another site, as the browser says', PURGE, { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['another name of the same site, as the browser says', PURGE, { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['a link or a picture that purges', 'GET /api/purge?path=/posts/1', {}, 405],
    ['a form that reads', 'POST /api/pages', {}, 405],
  ])('refuses %s', async (_, line, fields, status) => {
    const { dashboard } = started;
    const filled = (text: string) =>
      text
        .replace('PORT', String(dashboard.port))
        .replace('TOKEN', dashboard.token)
        .replace('PART', dashboard.token.slice(0, -1));
    const given = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, value === undefined ? undefined : filled(value as string)]),
    );
    expect((await dashboard.ask(filled(line), given)).status).toBe(status);
    await expect.poll(isStored).toBe(true);
  });

  it('answers under its own names, to its own page', async () => {
    const { dashboard } = started;
    const Host = `localhost:${dashboard.port}`;
    expect((await dashboard.ask('GET /', { Host, Authorization: undefined })).status).toBe(200);
    const fields = { Host, Origin: `http://${Host}`, 'Sec-Fetch-Site': 'same-origin' };
    expect(json(await dashboard.ask('POST /api/purge?path=/nothing', fields))).toMatchObject({ purged: 0 });
    const { 'Sec-Fetch-Site': _, ...old } = fields;
    expect((await dashboard.ask('POST /api/purge?path=/nothing', old)).status).toBe(200);
  });

  it('listens where no other machine reaches it', async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((addresses = []) => addresses)
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of others) {
      const socket = connect(started.dashboard.port, address);
      await expect(once(socket, 'connect')).rejects.toThrow('ECONNREFUSED');
    }
    const socket = connect(started.dashboard.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  });
});

describe('what is sent', () => {
  it.each(['/', '/dashboard.js', '/api/pages', '/nothing'])('no browser takes %s for anything else', async (target) => {
    const answer = await started.dashboard.ask(`GET ${target}`);
    expect(field(answer, 'content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(field(answer, 'x-content-type-options')).toBe('nosniff');
    expect(field(answer, 'cache-control')).toBe('no-store');
    expect(field(answer, 'referrer-policy')).toBe('no-referrer');
    expect(field(answer, 'access-control-allow-origin')).toBeUndefined();
  });

  it.each([
    '/../dashboard.ts',
    '/../../../package.json',
    '/%2e%2e/dashboard.ts',
    '/..%2fdashboard.ts',
    '/api/../index.html',
    '/.',
    '/api/constructor',
  ])('no file but its own: %s', async (target) => {
    expect((await started.dashboard.ask(`GET ${target}`)).status).toBe(404);
  });

  it('asks nobody but the site, whatever the address says', async () => {
    let asked = 0;
    const stranger = createServer((_, response) => (asked++, response.end())).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    const answer = await started.dashboard.ask(`GET /api/why?target=http://127.0.0.1:${port}/posts/1`);
    expect(json(answer)).toMatchObject({ url: `${started.site.nginx.url}/posts/1`, host: `127.0.0.1:${port}` });
    for (const target of ['file:///etc/passwd', '@127.0.0.1', 'gopher://a/b']) {
      const { status } = await started.dashboard.ask(`GET /api/why?target=${encodeURIComponent(target)}`);
      expect(status).toBe(400);
    }
    stranger.close();
    expect(asked).toBe(0);
  });

  it.each(['limit=-1', 'offset=x', 'order=constructor', 'limit=1e9'])(
    'no list is longer than it may be: %s',
    async (query) => {
      expect((await started.dashboard.ask(`GET /api/pages?${query}`)).status).toBe(400);
    },
  );
});
