import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { fileStore, type FileStoreOptions, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { NginxServer } from '../../lib/testing/index.js';
import { type ApplicationSetup, startApplication } from './applications.js';
import { modulesDirectory } from './nginx-modules.js';
import { PageLog } from './page-log.js';
import { type Answer, answer } from './site.js';

/** An application with a directory for its pages and an nginx of its own. */
export interface FilesSite extends AsyncDisposable {
  readonly app: INestApplication;
  readonly log: PageLog;
  readonly nginx: NginxServer;
  readonly root: string;
  /** Through nginx. */
  get(target: string, init?: RequestInit): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startFilesSite(
  { options, providers = [], ...setup }: ApplicationSetup,
  storeOptions: Partial<FileStoreOptions> = {},
): Promise<FilesSite> {
  const root = storeOptions.root ?? temporaryRoot();
  const all: NginxCacheOptions = { hosts: 'any', store: fileStore({ root, ...storeOptions }), ...options };
  const { app, address } = await startApplication({ ...setup, options: all, providers: [PageLog, ...providers] });
  const nginx = await NginxServer.start(({ port, directory }) =>
    nginxConf(all, {
      app: address,
      listen: port,
      directory,
      ...(storeOptions.brotli && { modulesDirectory: modulesDirectory('brotli') }),
    }),
  );
  const stop = async () => {
    await app.close();
    await nginx.stop();
    if (storeOptions.root === undefined) rmSync(root, { recursive: true });
  };
  return {
    app,
    log: app.get(PageLog),
    nginx,
    root,
    get: (target, init) => answer(nginx.url + target, init),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A directory that nginx's workers, who are other users, may read. */
export function temporaryRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'pages-'));
  chmodSync(root, 0o755);
  return root;
}
