import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawResponse } from '../../lib/testing/index.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';

const ADDRESS = 'X-Real-Address';
const OWN = {
  http: `
    limit_req_zone $http_x_crowd zone=crowd:1m rate=1r/m;
    map $http_x_closed $realm { default off; yes closed; }`,
  server: `
    set_real_ip_from 127.0.0.1;
    real_ip_header ${ADDRESS};
    deny 192.0.2.1;
    limit_req zone=crowd;
    auth_basic $realm;
    auth_basic_user_file /dev/null;
    client_max_body_size 10;
    error_page 403 413 503 /refused.html;
    location = /refused.html { internal; allow all; default_type text/html; return 200 "the site refuses"; }`,
};
const IN_NGINX = FLAVOURS.filter(({ flavour }) => flavour !== undefined);

describe.each(IN_NGINX)('what the site refuses is no page: $name', (flavour) => {
  let site: FlavourSite;
  beforeAll(async () => {
    const more = { clientCacheControl: 'public, max-age=600', staleIfError: 600_000, compress: false as const };
    site = await startFlavour(flavour, 'express', more, { own: OWN });
    await site.twice('/passthrough');
  });
  afterAll(() => site[Symbol.asyncDispose]());

  const said = ({ headers }: RawResponse, wanted: string) =>
    headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const ofPage = (response: RawResponse) => [...said(response, 'cache-status'), ...said(response, 'cache-control')];

  it.each(['/passthrough', '/value'])('an address that is denied: %s', async (target) => {
    const refused = await site.get(target, { [ADDRESS]: '192.0.2.1' });
    expect([refused.status, refused.body.toString()]).toEqual([403, 'the site refuses']);
    expect(ofPage(refused)).toEqual([]);
  });

  it('one too many', async () => {
    await site.get('/passthrough', { 'X-Crowd': 'a' });
    const refused = await site.get('/passthrough', { 'X-Crowd': 'a' });
    expect([refused.status, refused.body.toString()]).toEqual([503, 'the site refuses']);
    expect(ofPage(refused)).toEqual([]);
  });

  it('a visitor without a password', async () => {
    const refused = await site.get('/passthrough', { 'X-Closed': 'yes' });
    expect([refused.status, said(refused, 'www-authenticate')]).toEqual([401, ['Basic realm="closed"']]);
    expect(ofPage(refused)).toEqual([]);
  });

  it('an upload that is too large', async () => {
    const refused = await site.get('/passthrough', { 'Content-Length': '11', Connection: 'close' }, 'POST');
    expect([refused.status, refused.body.toString()]).toEqual([413, 'the site refuses']);
    expect(ofPage(refused)).toEqual([]);
  });

  it('a part that the page does not have: no field comes twice', async () => {
    const refused = await site.get('/passthrough', { Range: 'bytes=1000000-' });
    expect([refused.status, said(refused, 'content-range')]).toEqual([416, [expect.stringMatching(/^bytes \*\/\d+$/)]]);
    expect(ofPage(refused)).toEqual([...new Set(ofPage(refused))]);
  });

  it('the page itself is a hit, and so is a part of it', async () => {
    const ranges = { Range: 'bytes=0-1' };
    for (const [fields, status] of [
      [{}, 200],
      [ranges, 206],
    ] as const) {
      const hit = await site.get('/passthrough', fields);
      expect([hit.status, ...ofPage(hit)]).toEqual([status, 'nginx; hit', 'public, max-age=600']);
    }
  });
});
