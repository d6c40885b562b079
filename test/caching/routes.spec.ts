import {
  Controller,
  Get,
  Header,
  HostParam,
  Version,
  VERSION_NEUTRAL,
  VersioningType,
  type VersioningOptions,
} from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { PageCache } from '../../lib/index.js';
import { RawClient } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { fate } from '../support/fate.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';

@Controller()
class VersionsController {
  @Version('1')
  @Get('cats')
  @Header('content-type', HTML)
  one() {
    return 'cats of v1';
  }

  @Version('2')
  @Get('cats')
  @Header('content-type', HTML)
  two() {
    return 'cats of v2';
  }

  @Version(VERSION_NEUTRAL)
  @Get('about')
  @PageCache({ public: true })
  @Header('content-type', HTML)
  about() {
    return 'about';
  }

  @Version('1')
  @Get('loud')
  @PageCache({ public: true })
  @Header('content-type', HTML)
  loud() {
    return 'v1';
  }
}

const BY_VERSION: [name: string, options: VersioningOptions, field: string, value: (version: number) => string][] = [
  ['a field', { type: VersioningType.HEADER, header: 'X-Version' }, 'x-version', String],
  ['a media type', { type: VersioningType.MEDIA_TYPE, key: 'v=' }, 'accept', (version) => `text/html;v=${version}`],
  [
    'a function',
    {
      type: VersioningType.CUSTOM,
      extractor: (request) => {
        const { headers, raw } = request as IncomingMessage & { raw?: IncomingMessage };
        return String((raw?.headers ?? headers)['x-mine']);
      },
    },
    'x-mine',
    String,
  ],
];

@Controller({ host: 'admin.example.com' })
class AdminController {
  @Get()
  @Header('content-type', HTML)
  home() {
    return 'home of the admin';
  }
}

@Controller({ host: ':tenant.tenants.example' })
class TenantController {
  @Get('tenant')
  @Header('content-type', HTML)
  tenant(@HostParam('tenant') tenant: string) {
    return `of ${tenant}`;
  }
}

@Controller()
class WwwController {
  @Get()
  @Header('content-type', HTML)
  home() {
    return 'home of www';
  }
}

async function ask(site: Site, host: string, target: string): Promise<string> {
  await using client = new RawClient(site.nginx.port);
  const { body } = await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return body.toString();
}

describe.each(PLATFORMS)('handlers on %s', (platform) => {
  it.each(BY_VERSION)('with versions by %s keep their pages out of the cache', async (_, versioning, field, value) => {
    const logger = new CollectedLogger();
    await using site = await startSite({
      platform,
      controllers: [VersionsController],
      prepare: (app) => void app.enableVersioning(versioning),
      // Fastify looks for it on every route.
      options: { requestFields: { ignore: [field] } },
      logger,
    });
    for (const version of [1, 2, 1]) {
      const answer = await site.get('/cats', { headers: { [field]: value(version) } });
      expect(answer.body.toString()).toBe(`cats of v${version}`);
      expect(answer.status).toBe('nestjs-nginx-cache; fwd=bypass; detail=version');
    }
    expect(await fate(site, '/loud', { [field]: value(1) })).toBe('version');
    expect(await fate(site, '/about', { [field]: value(1) })).toBe('stored');
    expect(await fate(site, '/about', { [field]: value(2) })).toBe('hit');
    expect(logger.lines).toEqual([expect.stringMatching(/detail=version/)]);
  });

  it('with versions in the path have pages', async () => {
    await using site = await startSite({
      platform,
      controllers: [VersionsController],
      prepare: (app) => void app.enableVersioning({ type: VersioningType.URI }),
    });
    for (const version of [1, 2]) {
      expect(await fate(site, `/v${version}/cats`)).toBe('stored');
      const answer = await site.get(`/v${version}/cats`);
      expect([answer.status, answer.body.toString()]).toEqual(['nginx; hit', `cats of v${version}`]);
    }
  });

  it('of single hosts keep all pages out of the cache, as long as the host is not in the key', async () => {
    const logger = new CollectedLogger();
    // Fastify has no next handler for other hosts.
    const others = platform === 'express' ? [WwwController] : [];
    const controllers = [AdminController, TenantController, ...others];
    await using site = await startSite({ platform, controllers, logger });
    for (let round = 0; round < 2; round += 1) {
      expect(await ask(site, 'admin.example.com', '/')).toBe('home of the admin');
      if (platform === 'express') expect(await ask(site, 'www.example.com', '/')).toBe('home of www');
      expect(await ask(site, 'acme.tenants.example', '/tenant')).toBe('of acme');
      expect(await ask(site, 'rival.tenants.example', '/tenant')).toBe('of rival');
    }
    expect(await site.memcached.keys()).toEqual([]);
    expect(logger.lines).toEqual([expect.stringMatching(/detail=host-controller.*Set the option hosts/)]);
  });

  it('of single hosts have pages where the hosts are known', async () => {
    const controllers = [AdminController, TenantController];
    const hosts = ['admin.example.com', 'acme.tenants.example', 'rival.tenants.example'];
    await using site = await startSite({ platform, controllers, options: { hosts } });
    for (let round = 0; round < 2; round += 1) {
      expect(await ask(site, 'acme.tenants.example', '/tenant')).toBe('of acme');
      expect(await ask(site, 'rival.tenants.example', '/tenant')).toBe('of rival');
    }
    const keys = () => site.memcached.keys();
    await expect
      .poll(async () => (await keys()).filter((key) => key.startsWith('page:')).sort())
      .toEqual(['page:acme.tenants.example/tenant', 'page:rival.tenants.example/tenant']);
  });
});
