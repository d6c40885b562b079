import type { ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawResponse } from '../../lib/testing/index.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { FragmentPagesController } from '../support/fragment-pages.controller.js';

/** Subrequests share their variables with the request of the visitor. */
const OWN = {
  server: `
    auth_request /may-enter;
    mirror /seen;
    location = /may-enter { internal; return 204; }
    location = /seen { internal; return 204; }`,
};
const HEADERS = { 'X-Frame-Options': 'DENY' };
function sendsHeaders(app: INestApplication): void {
  app.use((_: unknown, response: ServerResponse, next: () => void) => {
    response.setHeaders(new Map(Object.entries(HEADERS)));
    next();
  });
}
const IN_NGINX = FLAVOURS.filter(({ flavour }) => flavour !== undefined);

describe.each(IN_NGINX)("the site's own auth_request and mirror leave a hit as it is: $name", (flavour) => {
  let site: FlavourSite;
  beforeAll(async () => {
    site = await startFlavour(
      flavour,
      'express',
      {
        fragments: ['/with/*'],
        fragmentTimeout: 3000,
        clientCacheControl: 'public, max-age=600',
        ...(flavour.keepsFields ? {} : { nginx: { flavour: flavour.flavour!, headers: HEADERS } }),
      },
      { controllers: [FragmentPagesController], prepare: sendsHeaders, own: OWN },
    );
  });
  afterAll(() => site[Symbol.asyncDispose]());

  const said = ({ headers }: RawResponse) =>
    ['cache-status', 'cache-control', 'x-frame-options'].map(
      (wanted) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1],
    );

  it.each([
    ['/passthrough', 'public, max-age=600'],
    ['/with/home', 'private, no-cache'],
  ])('%s', async (target, cacheControl) => {
    const { outcome, second } = await site.twice(target);
    expect(outcome).toBe('stored');
    expect([second.status, ...said(second)]).toEqual([200, 'nginx; hit', cacheControl, 'DENY']);
  });
});
