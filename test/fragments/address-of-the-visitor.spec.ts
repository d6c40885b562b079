import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { expect, it } from 'vitest';
import { NginxCacheModule, nginxConf, PageFragment, pageFragment } from '../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { adapterFor, PLATFORMS } from '../support/applications.js';
import { temporaryRoot } from '../support/files-site.js';
import { patient, patientStore } from '../support/patience.js';

type Asked = { ip?: string; raw?: IncomingMessage; socket: IncomingMessage['socket'] };

const HTML = 'text/html; charset=utf-8';

/** Applications take loopback for a machine of their own: an administrator, a proxy to trust. */
function addressOf(request: Asked): string {
  return JSON.stringify([request.ip ?? null, request.socket.remoteAddress ?? null]);
}

@Controller()
class AddressController {
  @Get('here')
  @Header('content-type', HTML)
  here(@Req() request: Asked) {
    return `${addressOf(request)} ${pageFragment('there')}`;
  }

  @PageFragment('there')
  @Header('content-type', HTML)
  there(@Req() request: Asked) {
    return addressOf(request);
  }
}

it.each(PLATFORMS)('a fragment has the address of its page, also behind a unix socket: %s', async (platform) => {
  const root = temporaryRoot();
  await using memcached = await MemcachedServer.start();
  const options = {
    store: patientStore(memcached.address),
    hosts: 'any' as const,
    fragments: ['/here'],
    fragmentTimeout: 60_000,
  };
  const module = await Test.createTestingModule({
    imports: [NginxCacheModule.forRoot(options)],
    controllers: [AddressController],
  }).compile();
  const app = module.createNestApplication(adapterFor(platform), { logger: ['error'] });
  const socket = `${root}/app.sock`;
  await app.listen(socket);
  chmodSync(socket, 0o777);
  {
    await using nginx = await NginxServer.start(({ port, directory }) => {
      const { full } = nginxConf(options, { app: `unix:${socket}`, listen: port, directory });
      return { full: patient(full) };
    });
    const [page, fragment] = (await (await fetch(`${nginx.url}/here`)).text()).split(' ');
    expect(fragment).toBe(page);
    expect(fragment).not.toContain('127.0.0.1');
  }
  await app.close();
  rmSync(root, { recursive: true, force: true });
});
