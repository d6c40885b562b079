import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { NamedFinding } from '../../../lib/cli/doctor/examine.js';
import type { LogSummary } from '../../../lib/operations/log/log-summary.js';
import {
  memcachedStore,
  nginxConf,
  PageCacheService,
  type NginxCacheOptions,
  type NginxConf,
} from '../../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../../lib/testing/index.js';
import { findProgram } from '../../../lib/testing/find-program.js';
import { startApplication } from '../../support/applications.js';
import { modulesDirectory } from '../../support/nginx-modules.js';
import { patient } from '../../support/patience.js';
import { directoryWith, runCommand } from '../support/run-command.js';

const HTML = 'text/html; charset=utf-8';

@Controller()
class PagesController {
  @Get()
  @Header('content-type', HTML)
  index() {
    return '<p>a page that is worth packing</p>'.repeat(100);
  }

  @Get('posts/:id')
  @Header('content-type', HTML)
  post() {
    return '<p>';
  }

  @Get('csp')
  @Header('content-type', HTML)
  @Header('content-security-policy', "default-src 'self'")
  csp() {
    return '<p>';
  }
}

let memcached: MemcachedServer;
let other: MemcachedServer;
let app: Awaited<ReturnType<typeof startApplication>>;
let nginx: NginxServer;
let options: NginxCacheOptions;

beforeAll(async () => {
  [memcached, other] = await Promise.all([MemcachedServer.start(), MemcachedServer.start({ args: ['-I', '512k'] })]);
  options = { prefix: 'doc:', hosts: ['example.com'], store: memcachedStore({ servers: memcached.address }) };
  app = await startApplication({ platform: 'express', options, controllers: [PagesController], logger: false });
  nginx = await NginxServer.start((place) => waiting(conf({}, place)));
});

afterAll(async () => {
  await app.app.close();
  await Promise.all([nginx.stop(), memcached.stop(), other.stop()]);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** What nginx should run with, with some options changed. */
function conf(changes: NginxCacheOptions = {}, place: { port: number; directory: string } = nginx): NginxConf {
  const all = { ...options, ...changes };
  const modules = modulesDirectory(all.nginx?.flavour);
  return nginxConf(all, {
    app: app.address,
    listen: place.port,
    directory: place.directory,
    modulesDirectory: modules,
  });
}

/** The nginx of these tests waits for memcached as long as it takes; the file that doctor reads says what it should. */
function waiting({ full, files }: { full: string; files: Record<string, string> }) {
  return { full: patient(full), files };
}

interface Deployed {
  /** What nginx runs with, in the place of the right one. */
  readonly full?: string;
  readonly files?: Record<string, string>;
  /** Options of the configuration that doctor reads, as text. */
  readonly servers?: unknown;
  readonly app?: string;
  readonly more?: NginxCacheOptions;
  readonly args?: readonly string[];
}

/** Runs doctor beside an nginx with that configuration. */
async function doctor(page: string | undefined, given: Deployed = {}) {
  const { full = conf().full, files = {}, servers = memcached.address, more = {}, args = [] } = given;
  using directory = directoryWith({
    'installed.conf': full,
    'nginx-cache.config.mjs': `
      import { memcachedStore } from 'nestjs-nginx-cache';
      export const deployment = {
        app: '${given.app ?? app.address}', listen: ${nginx.port}, directory: '${nginx.directory}',
      };
      const store = memcachedStore({ servers: ${JSON.stringify(servers)} });
      export default { prefix: 'doc:', hosts: ['example.com'], store, ...${JSON.stringify(more)} };`,
  });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(directory.path, path), text);
  const url = page === undefined ? [] : [`${nginx.url}${page}`];
  const fixed = ['--conf', 'installed.conf', '--nginx', findProgram('nginx'), '--json'];
  const { code, stdout, stderr } = await runCommand(['doctor', ...url, ...fixed, ...args], { cwd: directory.path });
  if (stdout === '') throw new Error(stderr);
  const { findings } = JSON.parse(stdout) as { findings: NamedFinding[] };
  const faults = findings.filter(({ status }) => status === 'failed');
  for (const { cure } of faults) expect(cure).toMatch(/^[A-Z].*\.$/);
  return {
    code,
    findings,
    faults: faults.map(({ check, what }) => `${check}: ${what}`),
    pastes: faults.flatMap(({ paste = [] }) => paste),
  };
}

/** The running nginx gets it for a while. */
async function deployed<T>(
  broken: { full: string; files: Record<string, string> },
  work: () => Promise<T>,
): Promise<T> {
  await nginx.reload(() => waiting(broken));
  try {
    return await work();
  } finally {
    await nginx.reload((place) => waiting(conf({}, place)));
  }
}

describe('nginx-cache doctor', () => {
  it('finds nothing wrong with a good deployment', async () => {
    const { code, faults, findings } = await doctor('/', { args: ['--outside', '127.0.0.2'] });
    expect(faults).toEqual([]);
    expect(code).toBe(0);
    const checks = new Set(findings.filter(({ status }) => status === 'ok').map(({ check }) => check));
    expect([...checks]).toEqual(
      expect.arrayContaining(
        'store,memcached,nginx,configuration,past nginx,clocks,page,fields,cookies,keys,Host,compression'.split(','),
      ),
    );
  });

  it('finds nothing wrong with a shared page, which visitors with a session get, too', async () => {
    const more = { prefix: 'shared:', shared: ['/posts/*'] };
    const all = { ...options, ...more };
    const second = await startApplication({
      platform: 'express',
      options: all,
      controllers: [PagesController],
      logger: false,
    });
    try {
      const { full, files } = conf(more);
      const whole = { full: full.replaceAll(app.address, second.address), files };
      const given = { ...whole, app: second.address, more, args: ['--outside', '127.0.0.2'] };
      const { faults, findings } = await deployed(whole, () => doctor('/posts/1', given));
      expect(faults).toEqual([]);
      expect(findings).toContainEqual(expect.objectContaining({ check: 'cookies', status: 'skipped' }));
    } finally {
      await second.app.close();
    }
  });

  it('sends valid requests only, for the home page, too', async () => {
    const { findings } = await doctor('/');
    expect(findings.find(({ check }) => check === 'keys')?.what).toMatch(/agree about 15 awkward addresses$/);
    const log = readFileSync(join(nginx.directory, 'access.log'), 'utf8').split('\n');
    const refused = log.flatMap((line) => /"GET (.*) HTTP\/1\.1" 400 /.exec(line)?.[1] ?? []);
    expect(refused).toEqual([]);
  });

  it('leaves no page behind but the one that is named, and is not counted as a visitor', async () => {
    const pages = async () => {
      const listed = [];
      for await (const { target } of app.app.get(PageCacheService).pages()) listed.push(target);
      return listed.sort();
    };
    await app.app.get(PageCacheService).purgeAll();
    await doctor('/posts/1');
    await doctor('/posts/1');
    expect(await pages()).toEqual(['/posts/1']);

    const { stdout } = await runCommand(['log', join(nginx.directory, 'access.log'), '--json'], { cwd: '/' });
    const { neverCached, ofDoctor } = JSON.parse(stdout) as LogSummary;
    expect(neverCached).toEqual([]);
    expect(ofDoctor).toBeGreaterThan(40);
  });

  it('names a wrong prefix', async () => {
    const broken = conf({ prefix: 'blog:' });
    const { code, faults } = await deployed(broken, () => doctor('/', { full: broken.full }));
    expect(code).toBe(1);
    expect(faults).toContainEqual(expect.stringContaining('configured for another prefix: blog instead of doc'));
    expect(faults).toContainEqual(expect.stringMatching(/^page: .*\((?:key-drift|other-configuration)\)/));
  });

  it('names a missing module', async () => {
    const { full } = conf({ nginx: { flavour: 'srcache' } });
    const { code, faults } = await doctor(undefined, { full: full.replace(/^load_module.*\n/gm, '') });
    expect(code).toBe(1);
    expect(faults).toContainEqual(expect.stringMatching(/lacks the module of the directive (?:srcache|memc)_/));
  });

  it('names an old configuration', async () => {
    const broken = conf({ exclude: ['/admin/*'] });
    const { faults } = await deployed(broken, () => doctor('/', { full: broken.full }));
    expect(faults).toContainEqual(expect.stringContaining('configuration: nginx runs with an older configuration'));
    expect(faults).toContainEqual(expect.stringMatching(/^keys: .*\(other-configuration\)$/));
  });

  it('names the file in which there is no page cache', async () => {
    const { faults, findings } = await doctor(undefined, { full: 'events {} http {}' });
    expect(faults).toEqual([
      expect.stringMatching(/^configuration: there is no page cache in the configuration of nginx, .*installed\.conf$/),
    ]);
    expect(findings.find(({ check }) => check === 'configuration')?.cure).toMatch(/--conf FILE.*directory/);
  });

  it('names another flavour', async () => {
    const broken = conf({ nginx: { flavour: 'srcache' } });
    const { faults } = await deployed(broken, () => doctor('/', { full: broken.full }));
    expect(faults).toContainEqual('configuration: nginx runs with the flavour srcache, and the options say memcached');
  });

  it('names a small limit of items', async () => {
    const { faults } = await doctor(undefined, { servers: other.address });
    expect(faults).toContainEqual(
      expect.stringContaining('memcached: ' + other.address + ' takes items of 524288 bytes'),
    );
  });

  it('names a lost field, with lines to paste', async () => {
    const { faults, pastes } = await doctor('/csp');
    expect(faults).toContainEqual(expect.stringContaining('fields: nginx would lose content-security-policy'));
    expect(pastes).toContain(`    'content-security-policy': "default-src 'self'",`);
  });

  it('names a store that is down', async () => {
    const gone = await MemcachedServer.start();
    await gone.stop();
    const { faults } = await doctor(undefined, { servers: gone.address });
    expect(faults).toContainEqual(expect.stringContaining(`store: ${gone.address} does not answer`));
  });

  it('names an application that can be reached past nginx', async () => {
    const open = createServer().listen(0, '0.0.0.0');
    try {
      await once(open, 'listening');
      const { port } = open.address() as AddressInfo;
      const { faults } = await doctor(undefined, { app: `127.0.0.1:${port}`, args: ['--outside', '127.0.0.2'] });
      expect(faults).toContainEqual(`past nginx: the application can be reached past nginx: 127.0.0.2:${port}`);
    } finally {
      open.close();
    }
  });

  it('names a server name that is there twice', async () => {
    const second = `server { listen ${nginx.port}; server_name example.com; }`;
    const { faults } = await doctor(undefined, { full: conf().full.replace(/\}\s*$/, `${second}\n}\n`) });
    expect(faults).toContainEqual(expect.stringContaining('nginx: two servers of nginx have the name "example.com"'));
  });

  it('names gunzip that is missing', async () => {
    const whole = conf();
    const broken = { ...whole, full: whole.full.replaceAll(/^ *gunzip on;\n/gm, ''), files: whole.files };
    const { faults, pastes } = await deployed(broken, () => doctor('/', { full: broken.full }));
    expect(faults).toContainEqual('compression: a client that takes no gzip gets gzip');
    expect(faults).toContainEqual(
      expect.stringContaining('configuration: lines of the configuration are missing in nginx'),
    );
    expect(pastes).toContain('gunzip on;');
  });

  it('names a wrong ring', async () => {
    const servers = [
      { address: memcached.address, weight: 1 },
      { address: other.address, weight: 2 },
    ];
    const { full } = conf({ store: memcachedStore({ servers }) });
    const { faults } = await doctor(undefined, { servers, full: full.replace('weight=2', 'weight=3') });
    expect(faults).toContainEqual(
      expect.stringContaining('configuration: upstream doc_cache_memcached of nginx does not have the servers'),
    );
  });

  it('names a clock that is off by a minute', async () => {
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
    const { faults } = await doctor('/');
    expect(faults).toContainEqual(
      expect.stringMatching(
        new RegExp(`^memcached: the clock of ${memcached.address} is (?:5[5-9]|[67]\\d) s behind that of this machine`),
      ),
    );
    expect(faults).toContainEqual(expect.stringMatching(/^clocks: the clock of .* s behind that of this machine/));
  });

  it('shows a table, and says what to do', async () => {
    using directory = directoryWith({ 'nginx-cache.config.mjs': `export default {};` });
    const ran = await runCommand(['doctor'], { cwd: directory.path });
    expect(ran).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('in the memory of the application') as string,
    });
  });
});
