import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { field } from '../page/raw-pool.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { PagesController } from '../support/pages.controller.js';

/** Every visitor who names a crowd gets one answer a minute, together with the rest of that crowd. */
const OWN = {
  http: 'limit_req_zone $http_x_crowd zone=crowd:1m rate=1r/m;',
  server: 'limit_req zone=crowd;',
};
const IN_NGINX = FLAVOURS.filter(({ flavour }) => flavour !== undefined);

describe.each(IN_NGINX)("the site's own limit_req: $name", (flavour) => {
  let site: FlavourSite;
  beforeAll(async () => {
    const contentTypes = { '/feed': 'application/rss+xml' };
    const more = flavour.keepsFields ? {} : { nginx: { flavour: flavour.flavour!, contentTypes } };
    site = await startFlavour(flavour, 'express', more, { own: OWN });
  });
  afterAll(() => site[Symbol.asyncDispose]());

  it.each(['/passthrough', '/feed'])('refuses hits: %s', async (target) => {
    expect((await site.twice(target)).outcome).toBe('stored');
    const crowd = { 'X-Crowd': `hits of ${target}` };
    const first = await site.get(target, crowd);
    expect([first.status, field(first, 'cache-status')]).toEqual([200, 'nginx; hit']);
    expect((await site.get(target, crowd)).status).toBe(503);
  });

  it('refuses misses, so that they do not reach the application', async () => {
    const crowd = { 'X-Crowd': 'misses' };
    await site.get('/passthrough', crowd);
    const before = PagesController.calls.get('/value');
    expect((await site.get('/value', crowd)).status).toBe(503);
    expect(PagesController.calls.get('/value')).toBe(before);
    expect((await site.get('/value')).status).toBe(200);
  });
});
