import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  Injectable,
  NotFoundException,
  Post,
  Redirect,
  Render,
  Req,
  Res,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { expect, describe, it } from 'vitest';
import { PageCache } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { field, RawPool } from '../page/raw-pool.js';
import { PLATFORMS } from '../support/applications.js';
import { generator, SEED } from '../support/random.js';
import { startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
const REQUESTS = 5000;
const NAMES = ['Alice', 'Bernd'] as const;
const STRANGER = 'stranger';

interface Reply {
  header(name: string, value: string): Reply;
  code?(status: number): Reply;
  send(body: unknown): void;
}

/** Whoever the session cookie says. */
function nameOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  return /(?:^|;\s*)sid=(\w+)/.exec(headers.cookie ?? '')?.[1] ?? STRANGER;
}

let secrets = 0;
const secret = () => `secret-${(secrets += 1)}.`;

@Injectable()
class MembersGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<IncomingMessage>();
    if (nameOf(request) === STRANGER) throw new UnauthorizedException(`Not for you, ${STRANGER}`);
    return true;
  }
}

@Controller()
class GreetingController {
  @Get()
  @Render('page')
  home(@Req() request: IncomingMessage) {
    return { title: 'Home', text: `Hello ${nameOf(request)}` };
  }

  @Get(['plain', 'posts/:id', 'account/style.css'])
  @Header('content-type', HTML)
  plain(@Req() request: IncomingMessage) {
    return `<p>Hello ${nameOf(request)}</p>`;
  }

  @Get('long')
  @PageCache({ ttl: 1000 })
  @Header('content-type', HTML)
  long(@Req() request: IncomingMessage) {
    return `<p>Hello ${nameOf(request)}</p>`.repeat(500);
  }

  @Get('json')
  json(@Req() request: IncomingMessage) {
    return { hello: nameOf(request) };
  }

  @Get('res')
  res(@Req() request: IncomingMessage, @Res() reply: Reply) {
    reply.header('content-type', HTML).send(`<p>Hello ${nameOf(request)}</p>`);
  }

  @Get('redirect')
  @Redirect()
  redirect(@Req() request: IncomingMessage) {
    return { url: `/posts/of-${nameOf(request)}` };
  }

  @Get('token')
  token(@Req() request: IncomingMessage, @Res() reply: Reply) {
    const token = secret();
    reply
      .header('content-type', HTML)
      .header('set-cookie', `csrf=${token}`)
      .send(`Hello ${nameOf(request)}, ${token}`);
  }

  @Get('private')
  @Header('content-type', HTML)
  @Header('cache-control', 'private, max-age=60')
  privately(@Req() request: IncomingMessage) {
    return `Hello ${nameOf(request)}, ${secret()}`;
  }

  @Get('no-store')
  @Header('content-type', HTML)
  @Header('cache-control', 'no-store')
  noStore(@Req() request: IncomingMessage) {
    return `Hello ${nameOf(request)}, ${secret()}`;
  }

  @Get('varies')
  @Header('content-type', HTML)
  @Header('vary', 'Cookie')
  varies(@Req() request: IncomingMessage) {
    return `Hello ${nameOf(request)}, ${secret()}`;
  }

  @Get('missing')
  missing(@Req() request: IncomingMessage) {
    throw new NotFoundException(`Nothing here, ${nameOf(request)}, ${secret()}`);
  }

  @Get('broken')
  broken(@Req() request: IncomingMessage, @Res() reply: Reply & { status?(code: number): Reply }) {
    const failed = reply.code?.(500) ?? reply.status?.(500) ?? reply;
    failed.header('content-type', HTML).send(`Sorry ${nameOf(request)}, ${secret()}`);
  }

  @Get('members')
  @UseGuards(MembersGuard)
  @Header('content-type', HTML)
  members(@Req() request: IncomingMessage) {
    return `Welcome ${nameOf(request)}, ${secret()}`;
  }

  @Post(['plain', 'posts/:id', 'login'])
  @HttpCode(200)
  @Header('content-type', HTML)
  post(@Req() request: IncomingMessage, @Body() body: { text?: string }) {
    return `Thank you ${nameOf(request)} for ${body?.text ?? 'nothing'}, ${secret()}`;
  }
}

const TARGETS = [
  '/',
  '/plain',
  '/posts/1',
  '/posts/2',
  '/posts/of-x',
  '/account/style.css',
  '/long',
  '/json',
  '/res',
  '/redirect',
  '/token',
  '/private',
  '/no-store',
  '/varies',
  '/missing',
  '/broken',
  '/members',
  '/nowhere',
  '/plain?utm_source=x',
  '/plain?preview=1',
  '//plain',
  '/%70lain',
  '/PLAIN',
  '/plain/',
];

describe.each(PLATFORMS)('two users and a visitor, on %s', (platform) => {
  it('never receive a byte of another', async () => {
    await using site = await startSite({ platform, controllers: [GreetingController] });
    const random = generator();
    const below = (limit: number) => Math.floor(random() * limit);
    const visits = Array.from({ length: REQUESTS }, () => {
      const name = [...NAMES, STRANGER][below(3)] as string;
      const target = TARGETS[below(TARGETS.length)] as string;
      const method = (['GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'HEAD', 'POST'] as const)[below(8)]!;
      const cookies = [...(name === STRANGER ? [] : [`sid=${name}`]), ...(below(3) === 0 ? ['_ga=GA1.2.3'] : [])].sort(
        () => below(2) - 0.5,
      );
      const text = `text=${name}`;
      const fields = [
        'Host: example.com',
        `Accept-Encoding: ${below(2) === 0 ? 'gzip' : 'identity'}`,
        ...(cookies.length > 0 ? [`Cookie: ${cookies.join('; ')}`] : []),
        ...(below(8) === 0 ? ['If-None-Match: *', 'Range: bytes=0-3'].slice(below(2)) : []),
        ...(method === 'POST'
          ? ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${text.length}`]
          : []),
      ];
      const request = `${method} ${target} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${method === 'POST' ? text : ''}`;
      return { name, target, method, request };
    });
    const pool = new RawPool(site.nginx.port, 12);
    const answers = await pool.sendAll(visits.map(({ request }) => request));
    pool.close();

    const foreign: string[] = [];
    const told = new Set<string>();
    let hits = 0;
    let greeted = 0;
    for (const [index, { name, request }] of visits.entries()) {
      const answer = answers[index]!;
      if (answer.status === 0) foreign.push(`no answer to ${request}`);
      const bytes = textOf(answer);
      const others = [...NAMES, STRANGER].filter((other) => other !== name);
      if (others.some((other) => bytes.includes(other))) foreign.push(`${name} received ${bytes}\nfor ${request}`);
      if (bytes.includes(name)) greeted += 1;
      for (const token of new Set(bytes.match(/secret-\d+\./g))) {
        if (told.has(token)) foreign.push(`${token} was told twice, to ${request}`);
        told.add(token);
      }
      if (field(answer, 'cache-status') === 'nginx; hit') {
        hits += 1;
        if (name !== STRANGER) foreign.push(`${name} received a stored page for ${request}`);
      }
    }
    expect(foreign.slice(0, 3), `seed ${SEED}, ${foreign.length} in all`).toEqual([]);
    // And all of it was at stake.
    expect(hits).toBeGreaterThan(REQUESTS / 30);
    expect(greeted).toBeGreaterThan(REQUESTS / 3);
    expect(told.size).toBeGreaterThan(REQUESTS / 20);
    for (const value of await storedValues(site.memcached)) {
      for (const name of NAMES) expect(value).not.toContain(name);
      expect(value).not.toContain('secret-');
    }
  });
});

function textOf(answer: RawResponse): string {
  const packed = field(answer, 'content-encoding') === 'gzip' && answer.body.length > 0 && answer.status !== 206;
  const head = answer.raw.toString('latin1', 0, answer.raw.indexOf('\r\n\r\n'));
  return `${head}\n${(packed ? gunzipSync(answer.body) : answer.body).toString('latin1')}`;
}

async function storedValues(memcached: { keys(): Promise<string[]>; send(command: string): Promise<string> }) {
  const values: string[] = [];
  for (const key of await memcached.keys()) values.push(await memcached.send(`get ${key}`));
  return values;
}
