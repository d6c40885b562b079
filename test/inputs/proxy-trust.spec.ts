import { Controller, Get, Header, type INestApplication, Req } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { type ApplicationSetup, type Platform, PLATFORMS } from '../support/applications.js';
import { patientlyRaw } from '../support/patience.js';
import { type Site, startSite } from '../support/site.js';

/** What Express and Fastify make of a request. */
interface Asked {
  readonly protocol: string;
  readonly hostname: string;
  readonly ip: string;
  readonly headers: Record<string, string>;
}

const HTML = 'text/html; charset=utf-8';

@Controller()
class LinksController {
  @Get('link')
  @Header('content-type', HTML)
  link(@Req() { protocol, hostname }: Asked) {
    return `<link rel="canonical" href="${protocol}://${hostname}/link">`;
  }

  @Get('address')
  @Header('content-type', HTML)
  address(@Req() { ip }: Asked) {
    return ip;
  }

  /** Looks like the question whether a proxy is trusted, and is none. */
  @Get('both')
  @Header('content-type', HTML)
  both(@Req() request: Asked) {
    return `${request.headers['x-forwarded-proto']} ${request.ip} ${request.headers['x-forwarded-proto']}`;
  }
}

/** Which peers the application trusts; that of nginx is on this machine. */
function trusting(platform: Platform, trust: string | undefined): Partial<ApplicationSetup> {
  if (trust === undefined) return {};
  if (platform === 'fastify') return { fastify: { trustProxy: trust } };
  return { prepare: (app: INestApplication) => void (app as NestExpressApplication).set('trust proxy', trust) };
}

const OURS = { Host: 'example.com', 'X-Forwarded-Host': 'example.com', 'X-Forwarded-Proto': 'https' };

async function start(platform: Platform, trust: string | undefined, origin = 'https://example.com'): Promise<Site> {
  const controllers = [LinksController];
  return startSite({ platform, controllers, options: { origin }, logger: false, ...trusting(platform, trust) });
}

/** What becomes of the page, and what it is. */
async function visit(port: number, site: Site, target: string, fields: object = OURS): Promise<[string, string]> {
  site.log.forget();
  await using client = new RawClient(port);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const answer = await patientlyRaw(() => client.send(`GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`));
  const status = field(answer, 'cache-status') ?? '';
  return [status.endsWith('hit') ? 'hit' : await site.log.outcome(target), answer.body.toString()];
}

describe.each(PLATFORMS)('the address of the peer on %s', (platform) => {
  const portOf = ({ address }: Site) => Number(address.split(':')[1]);

  it('makes no difference where a proxy is trusted: what that proxy says does', async () => {
    await using site = await start(platform, '127.0.0.1');
    const ask = (fields: object) => visit(portOf(site), site, '/link', fields);
    expect((await ask({ ...OURS, 'X-Forwarded-Proto': 'http' }))[0]).toBe('reads-x-forwarded-proto');
    expect((await ask({ ...OURS, 'X-Forwarded-Host': 'evil.example' }))[0]).toBe('reads-x-forwarded-host');
    expect(await ask(OURS)).toEqual(['stored', '<link rel="canonical" href="https://example.com/link">']);
  });

  it('makes none behind nginx', async () => {
    await using site = await start(platform, '127.0.0.1', 'http://example.com');
    const link = '<link rel="canonical" href="http://example.com/link">';
    expect(await visit(site.nginx.port, site, '/link')).toEqual(['stored', link]);
    expect(await visit(site.nginx.port, site, '/link')).toEqual(['hit', link]);
  });

  it('makes one where others are trusted', async () => {
    await using site = await start(platform, '192.0.2.1');
    const { 'X-Forwarded-Host': _, ...fewer } = OURS;
    for (const fields of [OURS, fewer]) {
      const [outcome, page] = await visit(portOf(site), site, '/link', fields);
      const link = '<link rel="canonical" href="http://example.com/link">';
      expect([outcome, page]).toEqual(['reads-remote-address', link]);
    }
  });

  it('makes none where nobody is trusted', async () => {
    await using site = await start(platform, undefined);
    const link = '<link rel="canonical" href="http://example.com/link">';
    expect(await visit(portOf(site), site, '/link')).toEqual(['stored', link]);
  });

  it.each([undefined, '127.0.0.1', '192.0.2.1'])('makes one where a page shows it (trusted: %s)', async (trust) => {
    await using site = await start(platform, trust);
    const ofForwarded = platform === 'express' || trust !== undefined;
    const [outcome] = await visit(portOf(site), site, '/address');
    expect(outcome).toBe(ofForwarded ? 'reads-x-forwarded-for' : 'reads-remote-address');
    expect((await visit(portOf(site), site, '/both'))[0]).toBe(outcome);
  });
});
