import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { Answers, AnswersController } from '../rfc/support/answers.controller.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';

const parts = { controllers: [AnswersController], providers: [Answers, PageLog] };
const statuses = [200, 301, 308];

/** Asks an application for redirects, as visitors that name this host or that. */
class Redirects implements AsyncDisposable {
  readonly log: PageLog;
  private constructor(
    readonly app: INestApplication,
    private readonly client: RawClient,
  ) {
    this.log = app.get(PageLog);
  }

  static async start(platform: (typeof PLATFORMS)[number], hosts?: string[]): Promise<Redirects> {
    // The handler reads it, and that alone would be a reason.
    const options = { statuses, requestFields: { ignore: ['Host'] }, ...(hosts && { hosts }) };
    const { app, address } = await startApplication({ platform, ...parts, options });
    return new Redirects(app, new RawClient(Number(address.split(':')[1])));
  }

  /** @returns an address that leads to what is made of the visitor's `Host` */
  to(location: (host: string) => string, status = 301): string {
    return this.app.get(Answers).add((response, request) => {
      response.writeHead(status, { Location: location(request.headers.host ?? '') }).end();
    });
  }

  async get(target: string, host: string): Promise<[location: string | undefined, isHit: boolean]> {
    const response = await this.client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return [field(response, 'location'), field(response, 'cache-status')?.includes('; hit') ?? false];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.app.close();
  }
}

describe.each(PLATFORMS)('a redirect, on %s', (platform) => {
  let redirects: Redirects;
  beforeAll(async () => {
    redirects = await Redirects.start(platform);
  });
  afterAll(() => redirects?.[Symbol.asyncDispose]());
  beforeEach(() => redirects.log.forget());

  it.each<[string, string, (host: string) => string]>([
    ['as it is', 'evil.example', (host) => `http://${host}/x`],
    ['with https', 'evil.example', (host) => `https://${host}/x`],
    ['in capitals', 'EVIL.example', (host) => `http://${host}/x`],
    ['in other capitals', 'evil.example', (host) => `HTTP://${host.toUpperCase()}/x`],
    ['with its port', 'evil.example:8080', (host) => `http://${host}/x`],
    ['without its port', 'evil.example:8080', (host) => `https://${host.split(':')[0]}/x`],
    ['with another port', 'evil.example', (host) => `http://${host}:8443/x`],
    ['without its final dot', 'evil.example.', (host) => `http://${host.slice(0, -1)}/x`],
    ['without a scheme', 'evil.example', (host) => `//${host}/x`],
    ['with odd slashes', 'evil.example', (host) => `\\\\${host}/x`],
    ['as an IPv4 address', '192.0.2.1', (host) => `http://${host}/x`],
    ['as an IPv6 address', '[2001:db8::1]', (host) => `http://${host}/x`],
    ['with a user', 'evil.example', (host) => `http://user@${host}/x`],
  ])('to the host that the visitor has named is not stored: %s', async (_, host, location) => {
    for (const status of [301, 308]) {
      const target = redirects.to(location, status);
      await redirects.get(target, host);
      expect(await redirects.log.outcome(target)).toBe('location-host');
      expect(await redirects.get(target, 'good.example')).toEqual([
        expect.stringContaining(location('good.example').slice(-6)),
        false,
      ]);
    }
  });

  it.each(['/x', 'x/../y?a=b', '?a=b', 'https://other.example/x', '//other.example/x', 'https://www.other.example/'])(
    'to %s is stored',
    async (location) => {
      const target = redirects.to(() => location);
      expect(await redirects.get(target, 'shop.example')).toEqual([location, false]);
      expect(await redirects.log.outcome(target)).toBe('stored');
      expect(await redirects.get(target, 'shop.example')).toEqual([location, true]);
    },
  );

  it('is stored for each host where the hosts are known', async () => {
    const hosts = ['one.example', 'two.example'];
    await using known = await Redirects.start(platform, hosts);
    const target = known.to((host) => `https://${host}/x`);
    for (const host of hosts) {
      known.log.forget();
      expect(await known.get(target, host)).toEqual([`https://${host}/x`, false]);
      expect(await known.log.outcome(target)).toBe('stored');
    }
    for (const host of hosts) expect(await known.get(target, host)).toEqual([`https://${host}/x`, true]);
    expect(await known.get(target, 'evil.example')).toEqual(['https://evil.example/x', false]);
    for (const host of hosts) expect(await known.get(target, host)).toEqual([`https://${host}/x`, true]);
  });
});
