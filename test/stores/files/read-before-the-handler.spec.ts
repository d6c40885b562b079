import { rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, Headers } from '@nestjs/common';
import { expect, it } from 'vitest';
import { fileStore, PageCacheService } from '../../../lib/index.js';
import { startApplication } from '../../support/applications.js';
import { temporaryRoot } from '../../support/files-site.js';
import { PageLog } from '../../support/page-log.js';

const database = { version: 1 };
let meanwhile = async () => {};

/** Loads what the handler shows, as middleware does. */
async function load(request: IncomingMessage, _response: unknown, next: () => void): Promise<void> {
  request.headers['x-version'] = String(database.version);
  await meanwhile();
  next();
}

@Controller()
class LoadedController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Headers('x-version') version: string) {
    return `version ${version}`;
  }
}

it('what middleware has read is not kept in files when another process purges meanwhile', async () => {
  const root = temporaryRoot();
  const start = () =>
    startApplication({
      platform: 'express',
      controllers: [LoadedController],
      providers: [PageLog],
      options: { store: fileStore({ root }), requestFields: { ignore: ['X-Version'] } },
      prepare: (app) => void app.use(load),
    });
  const [one, other] = [await start(), await start()];
  const log = one.app.get(PageLog);
  const visit = async () => {
    log.forget();
    const response = await fetch(`${one.url}/page`);
    return [await response.text(), await log.outcome('/page')];
  };
  // From here on it knows the journal.
  await one.app.get(PageCacheService).purge('/page');
  expect(await visit()).toEqual(['version 1', 'stored']);
  await other.app.get(PageCacheService).purge('/page');
  meanwhile = async () => {
    database.version = 2;
    await other.app.get(PageCacheService).purge('/page');
  };
  expect(await visit()).toEqual(['version 1', 'purged']);
  meanwhile = async () => {};
  expect(await visit()).toEqual(['version 2', 'stored']);
  await one.app.close();
  await other.app.close();
  rmSync(root, { recursive: true });
});
