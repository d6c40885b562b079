import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, expect, it, vi } from 'vitest';
import { memoryStore } from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PagesController } from '../support/pages.controller.js';
import { answer } from '../support/site.js';

afterEach(() => vi.restoreAllMocks());

// A test suite starts many applications in one process. Before Node 24, each promise in it asks every storage that somebody has used.
it.each(PLATFORMS)('an application that is closed leaves no AsyncLocalStorage in use: %s', async (platform) => {
  const used = vi.spyOn(AsyncLocalStorage.prototype, 'run');
  const disabled = vi.spyOn(AsyncLocalStorage.prototype, 'disable');
  const counts: number[] = [];
  for (let index = 0; index < 3; index += 1) {
    const options = { store: memoryStore() };
    const { app, url } = await startApplication({ platform, options, controllers: [PagesController] });
    expect((await answer(`${url}/value`)).status).toContain('fwd=miss');
    await app.close();
    const inUse = new Set(used.mock.contexts);
    for (const storage of disabled.mock.contexts) inUse.delete(storage);
    counts.push(inUse.size);
  }
  // The first one uses those of the process.
  expect(counts).toEqual([counts[0], counts[0], counts[0]]);
  expect(disabled).toHaveBeenCalled();
});
