import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import KeyvRedis from '@keyv/redis';
import { Controller, Get, Header } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyvStore, PageCacheService, PurgeIncompleteError } from '../../../lib/index.js';
import { PendingPurges } from '../../../lib/purging/pending-purges.js';
import { startApplication } from '../../support/applications.js';
import { CollectedLogger } from '../../support/collected-logger.js';
import { Gate } from '../../support/gate.js';
import { answer } from '../../support/site.js';

@Controller()
class PagesController {
  static gate = new Gate();

  @Get('pages/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return '<p>';
  }

  @Get('slow')
  @Header('content-type', 'text/html; charset=utf-8')
  async slow() {
    await PagesController.gate.pass();
    return '<p>';
  }
}

/** As it comes: without a deadline, it keeps what it is given until its server is back. */
class CountingRedis extends KeyvRedis<unknown> {
  calls = 0;

  override get<U>(key: string): Promise<U | undefined> {
    this.calls += 1;
    return super.get<U>(key);
  }

  override set(...given: Parameters<KeyvRedis<unknown>['set']>): Promise<void> {
    this.calls += 1;
    return super.set(...given);
  }

  override delete(key: string): Promise<boolean> {
    this.calls += 1;
    return super.delete(key);
  }
}

describe.each(['SIGSTOP', 'SIGKILL'] as const)('@keyv/redis with its defaults, after %s of Redis', (signal) => {
  let directory: string;
  let path: string;
  let redis: ChildProcess;

  const start = async () => {
    redis = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', directory]);
    for await (const output of redis.stdout!) if (/ready to accept/i.test(String(output))) break;
    redis.stdout!.resume();
  };
  const kill = async () => {
    redis.kill('SIGKILL');
    if (redis.exitCode === null && redis.signalCode === null) await once(redis, 'exit');
  };
  const comeBack = async () => {
    if (signal === 'SIGSTOP') return redis.kill('SIGCONT');
    await kill();
    return start();
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'redis-'));
    path = join(directory, 's');
    return start();
  });
  afterEach(async () => {
    await kill();
    rmSync(directory, { recursive: true, force: true });
  });

  it('visitors wait for nothing, next to nothing piles up, and purges are made when it is back', async () => {
    const adapter = new CountingRedis({ socket: { path } } as never);
    const logger = new CollectedLogger();
    const { app, url } = await startApplication({
      platform: 'fastify',
      controllers: [PagesController],
      options: { store: keyvStore(adapter) },
      logger,
    });
    const visit = async (target: string) => (await answer(url + target)).status;
    await expect.poll(() => visit('/pages/0')).toMatch(/hit/);

    redis.kill(signal);
    await expect.poll(() => visit('/pages/1')).toMatch(/store-down/);
    const { calls } = adapter;
    for (let id = 0; id < 50; id += 1) expect(await visit(`/pages/${id}`)).toMatch(/store-down/);
    expect(adapter.calls - calls).toBeLessThan(50);
    expect(logger.lines.filter((line) => /keyvStore\(\) does not answer \(.*in time\)/.test(line))).toHaveLength(1);
    const purged = app.get(PageCacheService).purge('/pages/0');
    await expect(purged).rejects.toThrow(PurgeIncompleteError);

    await comeBack();
    await expect.poll(() => app.get(PendingPurges).size).toBe(0);
    expect(await adapter.get('page:/pages/0')).toBeUndefined();
    await expect.poll(() => visit('/pages/0')).toMatch(/hit/);
    await app.close();
  });

  it('those who wait for a page get their own, and the application closes', async () => {
    PagesController.gate = new Gate();
    const { app, url } = await startApplication({
      platform: 'fastify',
      controllers: [PagesController],
      options: { store: keyvStore(new KeyvRedis({ socket: { path } } as never)) },
      logger: false,
    });
    const first = answer(`${url}/slow`);
    await PagesController.gate.reached;
    const second = answer(`${url}/slow`);
    redis.kill(signal);
    PagesController.gate.open();
    expect((await first).code).toBe(200);
    expect((await second).status).not.toMatch(/collapsed/);
    await app.close();
  });
});
