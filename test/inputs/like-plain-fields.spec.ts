import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { serialize } from 'node:v8';
import { Controller, Get, Header, type INestApplication, Req, Res } from '@nestjs/common';
import httpProxy from 'http-proxy';
import cloneDeep from 'lodash/cloneDeep.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { PageLog } from '../support/page-log.js';
import { raw } from '../support/raw-response.js';
import { answer } from '../support/site.js';

type Use = (headers: IncomingHttpHeaders, request: IncomingMessage) => unknown;

/** What code does with fields, and why its page is not stored; `stored` when all that it reads is its own. */
const USES: Record<string, readonly [outcome: string, use: Use]> = {
  names: ['reads-every-field', (headers) => [Object.keys(headers), Reflect.ownKeys(headers).map(String)]],
  entries: ['reads-every-field', (headers) => Object.entries(headers)],
  JSON: ['reads-every-field', (headers) => JSON.stringify(headers)],
  inspect: ['reads-every-field', (headers) => inspect(headers)],
  'inspect deeper': ['reads-every-field', (headers) => inspect({ a: [headers] }, { depth: 5 })],
  descriptor: ['reads-x-one', (headers) => Object.getOwnPropertyDescriptor(headers, 'x-one')],
  prototype: ['stored', (headers) => [Object.getPrototypeOf(headers) === Object.prototype, headers instanceof Object]],
  'Object.assign from': ['reads-every-field', (headers) => Object.assign({ a: 1 }, headers)],
  'structuredClone of a copy': ['reads-every-field', (headers) => structuredClone({ ...headers })],
  'cloneDeep of lodash': ['reads-every-field', (headers) => cloneDeep(headers)],
  'new Headers': ['reads-every-field', (headers) => [...new Headers(headers as Record<string, string>)]],
  freeze: ['reads-every-field', (headers) => [Object.isFrozen(Object.freeze(headers)), headers['x-one']]],
  'prevent extensions': [
    'reads-x-one',
    (headers) => {
      Object.preventExtensions(headers);
      return [Object.isExtensible(headers), Reflect.set(headers, 'x-new', '1'), headers['x-one']];
    },
  ],
  'raw fields that are changed': [
    'reads-every-field',
    (_, { rawHeaders }) => rawHeaders.filter((_one, index) => index % 2 === 0).length > 0,
  ],
  'an object that inherits': [
    'reads-x-one',
    (headers) => {
      const child = Object.create(headers) as IncomingHttpHeaders;
      child['x-two'] = 'own';
      return [child['x-one'], child['x-two'], Object.keys(child), 'x-two' in headers];
    },
  ],
  'what it has set': [
    'stored',
    (headers) => {
      headers['x-two'] = 'own';
      Object.assign(headers, { 'x-three': 'own' });
      Object.defineProperty(headers, 'x-four', { value: 'own', enumerable: true });
      return [headers['x-two'], headers['x-three'], 'x-four' in headers, Object.hasOwn(headers, 'x-two')];
    },
  ],
  'what it has deleted': [
    'stored',
    (headers) => {
      delete headers['x-one'];
      return [headers['x-one'], 'x-one' in headers];
    },
  ],
  'what it has made of what was sent': [
    'reads-x-one',
    (headers) => {
      headers['x-two'] = `${String(headers['x-one'])}!`;
      return headers['x-two'];
    },
  ],
  'what it has set unless it was sent': ['reads-x-one', (headers) => (headers['x-one'] ??= 'own')],
  'what it has hidden': [
    'reads-x-one',
    (headers) => {
      Object.defineProperty(headers, 'x-one', { enumerable: false });
      return headers['x-one'];
    },
  ],
};
const CLONES: Record<string, Use> = {
  structuredClone: (headers) => structuredClone({ headers }),
  'v8.serialize': (headers) => serialize(headers).length > 0,
  'a message to a worker': (headers) => {
    const { port1 } = new MessageChannel();
    port1.postMessage(headers);
    port1.close();
    return 'sent';
  },
};

@Controller(['observed', 'plain'])
class UsesController {
  @Get('use/:use')
  @Header('content-type', 'text/html; charset=utf-8')
  use(@Req() request: IncomingMessage & { params: { use: string } }) {
    const name = decodeURIComponent(request.params.use);
    const use = USES[name]?.[1] ?? CLONES[name];
    return JSON.stringify(use?.(request.headers, raw(request) as IncomingMessage));
  }

  @Get('proxy')
  proxy(@Req() request: IncomingMessage, @Res() reply: ServerResponse) {
    const { port } = upstream.address() as AddressInfo;
    proxy.web(raw(request), raw(reply), { target: `http://127.0.0.1:${port}`, xfwd: true });
  }
}

/** Tells what it was sent. */
const upstream = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(JSON.stringify(request.headers));
});
const proxy = httpProxy.createProxyServer();

const SENT = { 'x-one': 'one', 'user-agent': 'test' };

describe.each(PLATFORMS)('observed fields on %s', (platform) => {
  const logger = new CollectedLogger();
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    ({ app, url } = await startApplication({
      platform,
      controllers: [UsesController],
      providers: [PageLog],
      // There they are as Node made them.
      options: { exclude: ['/plain/*'] },
      logger,
    }));
  });
  afterAll(async () => {
    await app?.close();
    upstream.close();
  });

  const ask = (target: string) => answer(url + target, { headers: SENT });

  it.each(Object.entries(USES))('are like plain ones: %s', async (name, [expected]) => {
    const target = `/use/${encodeURIComponent(name)}`;
    const [observed, plain] = [await ask(`/observed${target}`), await ask(`/plain${target}`)];
    expect(plain.status).toContain('detail=excluded');
    expect([observed.code, observed.body.toString()]).toEqual([200, plain.body.toString()]);
    expect(await app.get(PageLog).outcome(`/observed${target}`)).toBe(expected);
  });

  it('go on through http-proxy, and make no page', async () => {
    const [observed, plain] = [await ask('/observed/proxy'), await ask('/plain/proxy')];
    expect(observed.body.toString()).toBe(plain.body.toString());
    expect(observed.body.toString()).toContain('"x-one":"one"');
    expect(observed.status).toContain('detail=reads-every-field');
  });

  it('cannot be cloned, and the log says once what to do instead', async () => {
    logger.lines.length = 0;
    for (const name of Object.keys(CLONES))
      expect((await ask(`/observed/use/${encodeURIComponent(name)}`)).code).toBe(500);
    const advice = logger.lines.filter((line) => line.includes("requestFields: { pass: 'key' }"));
    expect(advice).toEqual([
      expect.stringMatching(/^error UsesController\.use\(\) .*{ \.\.\.request\.headers }.*exclude/),
    ]);
  });

  it('can where the path is excluded', async () => {
    for (const name of Object.keys(CLONES))
      expect((await ask(`/plain/use/${encodeURIComponent(name)}`)).code).toBe(200);
  });

  it('can where only what is in the key is passed on', async () => {
    const options = { requestFields: { pass: 'key' as const }, hosts: ['127.0.0.1'] };
    const own = await startApplication({ platform, controllers: [UsesController], providers: [PageLog], options });
    await using _ = { [Symbol.asyncDispose]: () => own.app.close() };
    await using client = new RawClient(Number(new URL(own.url).port));
    const fields = Object.entries({ Host: '127.0.0.1', ...SENT }).map((field) => `${field.join(': ')}\r\n`);
    for (const name of Object.keys(CLONES)) {
      const target = `/observed/use/${encodeURIComponent(name)}`;
      const { status, body } = await client.send(`GET ${target} HTTP/1.1\r\n${fields.join('')}\r\n`);
      expect(status).toBe(200);
      expect(body.toString()).not.toContain('one');
      expect(await own.app.get(PageLog).outcome(target)).toBe('stored');
    }
  });
});
