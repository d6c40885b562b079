import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header } from '@nestjs/common';
import { expect, it } from 'vitest';
import { fileStore } from '../../../lib/index.js';
import { startApplication } from '../../support/applications.js';
import { temporaryRoot } from '../../support/files-site.js';
import { PageLog } from '../../support/page-log.js';
import { answer } from '../../support/site.js';
import { entriesBelow } from '../../support/entries-below.js';

/** As many as in the attack that once made 73,283 directories, which took 294 MB, with a `maxBytes` of 2 MB. */
const ATTACK = 1220;
/** Pages that are stored take longer. So many of them would take four times the 2 MB. */
const ENOUGH = 100;
const MAX_BYTES = 2_000_000;

@Controller()
class AnythingController {
  @Get('*path')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return '<p>whatever you ask for</p>';
  }
}

/** What `du` would count, links included. */
function taken(root: string): { directories: number; bytes: number } {
  const entries = entriesBelow(root);
  return {
    directories: entries.filter((entry) => entry.isDirectory()).length,
    bytes: entries.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).blocks * 512, 0),
  };
}

it.each([
  ['as deep as a key allows', 'depth', ATTACK, (id: number) => `/${id}${'/x'.repeat(60)}`],
  ['as deep as a page may be', 'stored', ENOUGH, (id: number) => `/${id}${'/x'.repeat(15)}`],
  [
    'as deep as a page may be, and the value of a parameter, too',
    'stored',
    ENOUGH,
    (id: number) => `/${id}${'/x'.repeat(15)}?q=${'y/'.repeat(16)}`,
  ],
])('whoever asks for paths %s does not fill the disk', async (_, outcome, requests, target) => {
  const root = temporaryRoot();
  const { app, url } = await startApplication({
    platform: 'express',
    controllers: [AnythingController],
    providers: [PageLog],
    options: {
      store: fileStore({ root, maxBytes: MAX_BYTES }),
      maxPageBytes: 100_000,
      query: { allow: ['q'] },
    },
  });
  const log = app.get(PageLog);
  const outcomes = new Set<string>();
  for (let id = 0; id < requests; id += 1) {
    const { code, status } = await answer(url + target(id));
    expect(code).toBe(200);
    outcomes.add(/detail=(\S+)/.exec(status)?.[1] ?? (await log.outcome(target(id))));
    log.forget();
  }
  expect([...outcomes]).toEqual([outcome]);
  // Now nothing is being removed any more.
  await expect.poll(() => entriesBelow(join(root, 'page:#/tmp'))).toEqual([]);
  await app.close();
  const { directories, bytes } = taken(root);
  process.stdout.write(`${requests} requests: ${directories} directories, ${bytes} bytes\n`);
  expect(bytes).toBeLessThan(MAX_BYTES * 1.2);
  expect(directories).toBeLessThan((MAX_BYTES * 1.2) / 4096);
  rmSync(root, { recursive: true });
});
