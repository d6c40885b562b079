import { Controller, Get, Header, type INestApplication } from '@nestjs/common';
import { expect, vi } from 'vitest';
import { nginxConf, type NginxCacheOptions } from '../../../../lib/index.js';
import type { Why } from '../../../../lib/operations/why/why.js';
import { REASONS } from '../../../../lib/reasons/reasons.js';
import { MemcachedServer, NginxServer } from '../../../../lib/testing/index.js';
import { directoryWith, runCommand } from '../../../cli/support/run-command.js';
import { type ApplicationSetup, startApplication } from '../../../support/applications.js';
import { patient, patientStore } from '../../../support/patience.js';

export const HTML = 'text/html; charset=utf-8';

/** What the command says, as an operator runs it: beside the application, with nothing but the configuration. */
export async function said(
  url: string,
  store: MemcachedServer | string,
  text = false,
): Promise<Why & { readonly text: string }> {
  using directory = directoryWith({
    'nginx-cache.config.mjs': `import { fileStore, memcachedStore } from 'nestjs-nginx-cache';
      export default { store: ${typeof store === 'string' ? store : `memcachedStore({ servers: '${store.address}' })`} };`,
  });
  const run = (...args: string[]) => runCommand(['why', url, ...args], { cwd: directory.path });
  const { code, stdout } = await run('--json');
  const explained = JSON.parse(stdout) as Why;
  expect(code).toBe(explained.isPage ? 0 : 1);
  return { ...explained, text: text ? (await run()).stdout : '' };
}

/** What the command says as soon as it names the reason: on a busy machine, it has others for a moment. */
export async function saidOf(reason: string, url: string, store: MemcachedServer | string) {
  const last = await vi.waitFor(
    async () => {
      const explained = await said(url, store);
      if (explained.outcome !== reason) throw new Error(`${explained.outcome} instead of ${reason}`);
      return explained;
    },
    { timeout: 60_000 },
  );
  const { isPage, outcome, why, cure } = last;
  return { isPage, outcome, why, cure };
}

export function named(reason: string) {
  return { isPage: false, outcome: reason, ...REASONS[reason] };
}

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', HTML)
  page() {
    return '<p>';
  }
}

export const page: ApplicationSetup = { platform: 'express', controllers: [PageController], logger: false };

interface Deployment extends AsyncDisposable {
  readonly memcached: MemcachedServer;
  readonly app: INestApplication;
  readonly url: string;
}

interface Peculiarities {
  /** Further arguments of memcached. */
  readonly args?: string[];
  /** Changes the configuration of nginx. */
  readonly edit?: (conf: string) => string;
  /** Where nginx finds the application. */
  readonly addressOf?: (app: INestApplication) => Promise<string>;
}

/** A site with something that `startSite()` does not have. */
export async function deploy(
  { options, ...setup }: ApplicationSetup,
  { args = [], edit = (conf) => conf, addressOf }: Peculiarities,
): Promise<Deployment> {
  const memcached = await MemcachedServer.start({ args });
  const all: NginxCacheOptions = { hosts: 'any', store: patientStore(memcached.address), ...options };
  const { app, address } = await startApplication({ ...setup, options: all, isPatient: true });
  const behind = (await addressOf?.(app)) ?? address;
  const nginx = await NginxServer.start(({ port, directory }) => {
    const conf = nginxConf(all, { app: behind, listen: port, directory });
    return { ...conf, full: edit(patient(conf.full)) };
  });
  return {
    memcached,
    app,
    url: nginx.url,
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await nginx.stop();
      await memcached.stop();
    },
  };
}
