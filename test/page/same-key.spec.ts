import { Controller, Get, Header, type INestApplication, Req, type Type } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { MemcachedServer, NginxServer, type RawResponse } from '../../lib/testing/index.js';
import { type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { patient, patientStore } from '../support/patience.js';
import { field, RawPool } from './raw-pool.js';
import { ALLOWED, requestTarget } from './targets.js';
import { fc, SEED } from '../support/random.js';

const HTML = 'text/html; charset=utf-8';
/** For each direction on each of the four sites. */
const TARGETS = 3600;
const BATCH = 150;

/** Tells which target the application has seen. */
const pageFor = (target: string) => `<p>${target}</p>`;

/** A few templates, and everything else. */
function echoController(platform: Platform): Type {
  @Controller()
  class EchoController {
    @Get(['/', 'posts/:id', 'käse/:name', 'tag/:a/:b', platform === 'express' ? '*path' : '*'])
    @Header('content-type', HTML)
    echo(@Req() request: { raw?: { url: string }; originalUrl: string }) {
      return pageFor(request.raw?.url ?? request.originalUrl);
    }
  }
  return EchoController;
}

/** The origin-form that nginx makes of an absolute-form target (RFC 9112, section 3.2). */
function originForm(target: string): string {
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/is.exec(target) ?? [];
  return rest === undefined ? target : rest.startsWith('/') ? rest : `/${rest}`;
}

const HOSTS: (readonly string[] | undefined)[] = [undefined, ['example.com', 'www.example.com']];
const SITES = PLATFORMS.flatMap((platform) => HOSTS.map((hosts) => ({ platform, hosts })));

describe.each(SITES)('Nest ($platform) and nginx, hosts: $hosts', ({ platform, hosts }) => {
  let memcached: MemcachedServer;
  let nginx: NginxServer;
  let app: INestApplication;
  let log: PageLog;
  let toNest: RawPool;
  let toNginx: RawPool;

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    const options: NginxCacheOptions = {
      store: patientStore(memcached.address),
      query: { allow: ALLOWED, ignore: ['utm_*'] },
      ...(hosts ? { hosts, trailingSlash: 'allow' } : { hosts: 'any' }),
    };
    const application = await startApplication({
      isPatient: true,
      platform,
      options,
      controllers: [echoController(platform)],
      providers: [PageLog],
    });
    app = application.app;
    log = app.get(PageLog);
    nginx = await NginxServer.start(({ port, directory }) => {
      const conf = nginxConf(options, { app: application.address, listen: port, directory });
      return { ...conf, full: patient(conf.full) };
    });
    toNest = new RawPool(Number(application.address.split(':')[1]));
    toNginx = new RawPool(nginx.port);
  });
  afterAll(async () => {
    toNest?.close();
    toNginx?.close();
    await app?.close();
    await nginx?.stop();
    await memcached?.stop();
  });

  const get = (pool: RawPool, targets: readonly string[]) =>
    pool.sendAll(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: example.com\r\n\r\n`));
  /** On a busy machine memcached may say too late that it has stored a page. */
  const unsure = new Set<string>();
  /** The targets whose page is stored, once that is known of all. */
  const storedOf = async (targets: readonly string[], answers: readonly RawResponse[]): Promise<Set<string>> => {
    const drifted = (_: string, index: number) => field(answers[index]!, 'cache-status')?.includes('key-drift');
    expect(targets.filter(drifted), `seed ${SEED}`).toEqual([]);
    const stored = new Set<string>();
    for (const [index, target] of targets.entries()) {
      if (!field(answers[index]!, 'cache-status')?.endsWith('nestjs-nginx-cache; fwd=miss; stored')) continue;
      const outcome = await log.outcome(target);
      if (outcome === 'stored') stored.add(target);
      else if (outcome === 'store-failed') unsure.add(target);
    }
    return stored;
  };
  /**
   * What nginx (or Nest) answers. Where a hit is expected there are three attempts: on a busy machine memcached may take longer
   * than the 45 ms for which Nest waits.
   */
  const getHits = async (pool: RawPool, targets: readonly string[], isStored: (target: string) => boolean) => {
    const answers = await get(pool, targets);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const late = targets.filter(
        (target, index) => isStored(target) && !field(answers[index]!, 'cache-status')?.endsWith('; hit'),
      );
      const again = await get(pool, late);
      for (const [index, target] of late.entries()) answers[targets.indexOf(target)] = again[index]!;
    }
    return answers;
  };
  const isHit = (answer: RawResponse) => field(answer, 'cache-status') === 'nginx; hit';
  const show = (targets: readonly string[]) => targets.map((target) => JSON.stringify(target)).join('\n');

  /** Each of them a page of its own, so that every outcome in the log is that of one target. */
  const distinct = (targets: readonly string[]) => [
    ...new Map(targets.map((target) => [normal(originForm(target)), target])).values(),
  ];
  const normal = (target: string) => {
    const [path = '', ...rest] = target.split('?');
    const parameters = rest.join('?').split('&');
    const kept = ALLOWED.flatMap((name) => parameters.find((parameter) => parameter.startsWith(`${name}=`)) ?? []);
    return kept.length > 0 ? `${path}?${kept.join('&')}` : path;
  };

  /** What nginx gives for what is stored, and for what is not. */
  function mustAgree(targets: readonly string[], answers: readonly RawResponse[], stored: ReadonlySet<string>): void {
    const wrong = targets.filter((target, index) => {
      const answer = answers[index]!;
      const hit = isHit(answer);
      const origin = originForm(target);
      if (hit !== stored.has(origin) && !unsure.has(origin)) return true;
      return hit && answer.body.toString('utf8') !== pageFor(origin);
    });
    const statuses = wrong.map((target) => field(answers[targets.indexOf(target)]!, 'cache-status'));
    expect(wrong, `seed ${SEED}\n${show(wrong)}\n${statuses.join('\n')}`).toEqual([]);
  }

  /** Always the same targets, in batches that are in memcached together. */
  async function tryTargets(
    seed: number,
    number: number,
    check: (targets: string[]) => Promise<number>,
  ): Promise<void> {
    const targets = fc.sample(requestTarget, { seed, numRuns: number });
    let tried = 0;
    let stored = 0;
    for (let first = 0; first < number; first += BATCH) {
      const batch = distinct(targets.slice(first, first + BATCH));
      await memcached.flush();
      log.forget();
      unsure.clear();
      tried += batch.length;
      stored += await check(batch);
    }
    expect(tried).toBeGreaterThan(number * 0.8);
    expect(stored / tried).toBeGreaterThan(0.12);
  }

  it('finds what Nest has stored, and nothing else', async () => {
    await tryTargets(SEED, TARGETS, async (targets) => {
      const stored = await storedOf(targets, await get(toNest, targets));
      expect([...stored].filter((target) => target !== originForm(target))).toEqual([]);
      const answers = await getHits(toNginx, targets, (target) => stored.has(target));
      const origin = targets.filter((target) => target === originForm(target));
      mustAgree(
        origin,
        answers.filter((_, index) => targets[index] === originForm(targets[index]!)),
        stored,
      );
      // nginx makes a page of its own of an absolute-form target: nobody has stored it yet.
      expect(answers.filter((answer, index) => isHit(answer) && !origin.includes(targets[index]!))).toEqual([]);
      return stored.size;
    });
  });

  it('finds what Nest has stored for nginx, and nothing else', async () => {
    await tryTargets(SEED + 1, TARGETS, async (targets) => {
      const first = await get(toNginx, targets);
      expect(first.filter(isHit)).toEqual([]);
      const stored = await storedOf(targets.map(originForm), first);
      mustAgree(targets, await getHits(toNginx, targets, (target) => stored.has(originForm(target))), stored);
      return stored.size;
    });
  });

  it('answers an alias with the page of the address, and never stores it', async () => {
    await tryTargets(SEED + 2, TARGETS / 5, async (targets) => {
      const origin = targets.filter((target) => target === originForm(target));
      const addresses = [...(await storedOf(origin, await get(toNest, origin)))];
      const aliases = addresses.map(aliasOf);
      const fromNest = await getHits(toNest, aliases, () => true);
      const fromNginx = await getHits(toNginx, aliases, () => true);
      for (const [index, address] of addresses.entries()) {
        expect(field(fromNest[index]!, 'cache-status'), aliases[index]).toBe('nestjs-nginx-cache; hit');
        expect(field(fromNginx[index]!, 'cache-status'), aliases[index]).toBe('nginx; hit');
        expect(fromNginx[index]!.body.toString('utf8')).toBe(pageFor(address));
      }
      await memcached.flush();
      const again = await get(toNginx, aliases);
      const stored = again.filter((answer) => field(answer, 'cache-status')?.includes('stored'));
      expect(stored).toEqual([]);
      expect(await memcached.keys()).toEqual([]);
      return addresses.length;
    });
  });
});

/** Parameters the other way round, and one that is ignored. */
function aliasOf(address: string, index: number): string {
  const ignored = ['utm_x', 'utm_source=a', 'utm_a=%zz', 'utm_=1;2', ''][index % 5] as string;
  const [path, query] = address.split('?');
  if (query === undefined) return `${path}?${ignored}`;
  return `${path}?${[ignored || 'utm_', ...query.split('&').toReversed()].join('&')}`;
}
