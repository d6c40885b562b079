import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { FastifyReply } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  fileStore,
  memcachedStore,
  nginxConf,
  type NginxCacheOptions,
  PageCacheService,
  pageNonce,
  PurgeIncompleteError,
} from '../../lib/index.js';
import { checkOptions } from '../../lib/configuration/check-options.js';
import { editionOf } from '../../lib/configuration/edition-of.js';
import { fingerprintOf } from '../../lib/configuration/nginx-conf.js';
import { optionsSchema } from '../../lib/configuration/options.schema.js';
import { isSame } from '../../lib/stores/journal/edition.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { PLATFORMS, type Platform, startApplication } from '../support/applications.js';
import { temporaryRoot } from '../support/files-site.js';
import { modulesDirectory } from '../support/nginx-modules.js';
import { PageLog } from '../support/page-log.js';
import { patient, patiently } from '../support/patience.js';
import { answer } from '../support/site.js';
import { collect } from '../stores/pages.js';
import { CHANGED_OPTIONS, type ChangedOption, type Request } from './changed-options.js';

/** What docs/deploys.md says of each option: whether nginx must know it, and what happens to the stored pages. */
const TABLE = new Map(
  Array.from(
    readFileSync(join(import.meta.dirname, '../../docs/deploys.md'), 'utf8').matchAll(
      /^\| `([\w.]+)` +\| (yes|no) +\| (deleted|kept|out of reach) +\|/gm,
    ),
    ([, option, knows, stored]) => [option!, { knows: knows === 'yes', stored: stored! }],
  ),
);

const USUAL: readonly Request[] = [{ target: '/page' }, { target: '/other' }];

/** One application: it says which one it is. */
async function startSide(
  platform: Platform,
  side: string,
  fields: Readonly<Record<string, string>>,
  options: NginxCacheOptions,
) {
  @Controller()
  class PagesController {
    @Get(['page', 'other'])
    page(@Res({ passthrough: true }) reply: Response & FastifyReply) {
      const nonce = pageNonce();
      let body = `<p>a page of the side ${side}</p>`;
      for (const [name, value] of Object.entries({ 'Content-Type': 'text/html; charset=utf-8', ...fields })) {
        if (value.includes('{pageNonce}')) body += `<script nonce="${nonce}"></script>`;
        reply.header(name, value.replace('{pageNonce}', nonce));
      }
      return body;
    }
  }
  const { app, address, url } = await startApplication({
    platform,
    options,
    controllers: [PagesController],
    providers: [PageLog],
    logger: false,
  });
  return { app, address, url, log: app.get(PageLog) };
}

/** What a visitor notices. */
interface Seen {
  readonly code: number;
  readonly body: string;
  readonly type: string | null;
  readonly frame: string | null;
  readonly policy: string | null | undefined;
  readonly cacheControl: string | null;
}

describe.each(CHANGED_OPTIONS)('$option $how', (change: ChangedOption) => {
  const platform = PLATFORMS[CHANGED_OPTIONS.indexOf(change) % 2]!;
  const requests = [...USUAL, ...(change.requests ?? [])];
  const { knows, stored } = TABLE.get(change.option)!;
  const root = temporaryRoot();
  let memcached: MemcachedServer;
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
  });
  afterAll(async () => {
    await memcached?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  const optionsOf = (side: 'before' | 'after'): NginxCacheOptions => ({
    hosts: 'any',
    store: change.inFiles ? fileStore({ root }) : memcachedStore({ servers: memcached.address }),
    ...change.common,
    ...change[side],
    ...(change.common?.nginx && { nginx: { ...change.common.nginx, ...change[side].nginx } }),
  });
  const fieldsOf = (side: 'before' | 'after') => change.fields?.[side === 'before' ? 0 : 1] ?? {};
  const startNginx = (side: 'before' | 'after', app: string) =>
    NginxServer.start(({ port, directory }) => {
      const options = optionsOf(side);
      const modules = modulesDirectory(options.nginx?.flavour);
      const conf = nginxConf(options, { app, listen: port, directory, modulesDirectory: modules });
      return { ...conf, full: patient(conf.full) };
    });
  const see = async (url: string, { target, fields = {} }: Request): Promise<{ seen: Seen; status: string }> => {
    const ask = () => answer(url + target, { headers: { ...fields } });
    const { code, headers, body, status } = await patiently(ask, (one) => one.status);
    // Each response has another one, in its policy and in its body.
    const nonce = /'nonce-(\w+)'/.exec(headers.get('content-security-policy') ?? '')?.[1] ?? 'no nonce';
    const seen = {
      code,
      body: body.toString().replaceAll(nonce, 'nonce'),
      policy: headers.get('content-security-policy')?.replaceAll(nonce, 'nonce'),
      type: headers.get('content-type'),
      frame: headers.get('x-frame-options'),
      // What the new application says of every page, nginx may say of the old ones.
      cacheControl: change.option === 'clientCacheControl' ? null : headers.get('cache-control'),
    };
    return { seen, status };
  };
  /** Both sides as they were, with their pages stored. */
  const seed = async () => {
    await memcached.flush();
    rmSync(root, { recursive: true, force: true });
    const side = await startSide(platform, 'before', fieldsOf('before'), optionsOf('before'));
    const nginx = await startNginx('before', side.address);
    const sent: Seen[] = [];
    for (const request of requests) {
      side.log.forget();
      const first = await see(nginx.url, request);
      if (first.status.includes('fwd=miss')) await expect.poll(() => side.log.outcomes.size).toBe(1);
      sent.push(first.seen, (await see(nginx.url, request)).seen);
    }
    await nginx.stop();
    return { side, sent };
  };

  it('the application restarted in front of the old nginx configuration', async () => {
    const { side: old, sent } = await seed();
    await old.app.close();
    const side = await startSide(platform, 'after', fieldsOf('after'), optionsOf('after'));
    const nginx = await startNginx('before', side.address);
    const seen: Seen[] = [];
    for (let round = 0; round < 2; round += 1) {
      for (const request of requests) seen.push((await see(nginx.url, request)).seen);
      if (round === 0 && knows && stored === 'deleted') {
        expect(await collect(side.app.get(PageCacheService).pages())).toEqual([]);
      }
      // Nobody asks nginx about these.
      const publishing = side.app.get(PageCacheService).publish('/page', '/other');
      // The other store is not there.
      if (change.option === 'store') await expect(publishing).rejects.toThrow(PurgeIncompleteError);
      else await publishing;
    }
    const pages = await Promise.all(requests.map((request) => see(side.url, request)));
    const bypassing = { 'x-page-cache-key': 'bypass' };
    const others = await Promise.all(
      requests.map(({ target, fields }) => see(side.url, { target, fields: { ...fields, ...bypassing } })),
    );
    const possible = [...pages, ...others].map((one) => one.seen);
    // Pages of the old application are served only where the table says so.
    if (stored !== 'deleted') possible.push(...sent);
    for (const one of seen) expect(possible).toContainEqual(one);
    await nginx.stop();
    await side.app.close();
  });

  it('a new nginx configuration in front of the old application', async () => {
    const { side, sent } = await seed();
    const nginx = await startNginx('after', side.address);
    for (let round = 0; round < 2; round += 1) {
      for (const request of requests) expect(sent).toContainEqual((await see(nginx.url, request)).seen);
    }
    await nginx.stop();
    await side.app.close();
  });

  it('is in the table of docs/deploys.md', () => {
    const [before, after] = (['before', 'after'] as const).map((side) => checkOptions(optionsOf(side)));
    const [was, is] = [before, after].map((options) => fingerprintOf(options!)!);
    expect(was !== is).toBe(knows);
    const isOther = !isSame(editionOf(before!, was!), editionOf(after!, is!));
    expect(isOther).toBe(stored !== 'kept');
  });
});

it('every option is in the table, and has been changed here', () => {
  const top = (names: Iterable<string>) =>
    [...new Set(Array.from(names, (name) => name.replace(/\..*/, '')))].toSorted();
  // `tiers` stand in the place of `store`, and its row says so.
  const options = Object.keys(optionsSchema.entries).filter((name) => name !== 'tiers');
  expect(top(TABLE.keys())).toEqual(options.toSorted());
  expect(new Set(CHANGED_OPTIONS.map(({ option }) => option))).toEqual(new Set(TABLE.keys()));
});
