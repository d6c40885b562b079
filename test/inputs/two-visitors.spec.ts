import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, Param, Req } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { field, RawPool } from '../page/raw-pool.js';
import { PLATFORMS } from '../support/applications.js';
import { generator, SEED } from '../support/random.js';
import { startSite } from '../support/site.js';

const REQUESTS = 5000;
const PROGRAMS = 400;
const NAMES = ['alice', 'bernd', 'clara'] as const;

// prettier-ignore
const FIELDS = [
  'x-api-key', 'x-one', 'x-two', 'user-agent', 'accept', 'accept-language', 'referer', 'x-tenant-id', 'x-forwarded-for', 'origin',
  'remote-user', 'hx-request', 'cookie', 'accept-version', 'x-custom', 'forwarded',
] as const;

type Asked = IncomingMessage & { raw?: IncomingMessage; get?(name: string): string; header?(name: string): string };

const WAYS: ((request: Asked, name: string) => unknown)[] = [
  ({ headers }, name) => headers[name],
  (request, name) => (request.get ? request.get(name) : request.headers[name]),
  (request, name) => (request.header ? request.header(name) : request.headers[name]),
  ({ headers }, name) => {
    const { [name]: value } = headers;
    return value;
  },
  ({ headers }, name) => (name in headers ? `has ${String(headers[name])}` : 'has not'),
  ({ headers }, name) => Object.entries(headers).find(([one]) => one === name)?.[1],
  (request, name) => {
    const { rawHeaders } = request.raw ?? request;
    return rawHeaders[rawHeaders.findIndex((one) => one.toLowerCase() === name) + 1];
  },
  ({ headers }, name) => (JSON.parse(JSON.stringify(headers)) as Record<string, string>)[name],
  ({ headers }, name) => (Object.hasOwn(headers, name) ? `owns ${String(headers[name])}` : 'owns nothing'),
  ({ headers }, name) => (Object.keys(headers).includes(name) ? 'lists it' : 'does not list it'),
  ({ headers }, name) => structuredClone({ ...headers })[name],
  ({ headers }, name) => new Headers(headers as Record<string, string>).get(name),
];

function below(random: () => number): (limit: number) => number {
  return (limit) => Math.floor(random() * limit);
}

/** Each address reads some fields in some ways; every fifth reads none. */
@Controller()
class ProgramsController {
  @Get('programs/:seed')
  @Header('content-type', 'text/html; charset=utf-8')
  async run(@Param('seed') seed: string, @Req() request: Asked) {
    const pick = below(generator(Number(seed)));
    const told: string[] = [];
    for (let left = pick(5); left > 0; left -= 1) {
      const name = FIELDS[pick(FIELDS.length)] as string;
      if (pick(3) === 0) await new Promise(setImmediate);
      told.push(`${name}: ${String(WAYS[pick(WAYS.length)]?.(request, name))}`);
    }
    return `<p>${told.join('</p><p>')}</p>`;
  }
}

describe.each(PLATFORMS)('three visitors and a handler that reads what it likes, on %s', (platform) => {
  it('never meet in a page', async () => {
    await using site = await startSite({ platform, controllers: [ProgramsController], logger: false });
    const pick = below(generator());
    const visits = Array.from({ length: REQUESTS }, () => {
      const name = NAMES[pick(NAMES.length)] as string;
      const sent = FIELDS.filter(() => pick(3) === 0).map((one) => `${one}: ${one === 'cookie' ? '_ga=' : ''}${name}`);
      const fields = ['Host: example.com', ...sent].join('\r\n');
      return { name, request: `GET /programs/${pick(PROGRAMS)} HTTP/1.1\r\n${fields}\r\n\r\n` };
    });
    const pool = new RawPool(site.nginx.port, 12);
    const answers = await pool.sendAll(visits.map(({ request }) => request));
    pool.close();

    const foreign: string[] = [];
    let hits = 0;
    let personal = 0;
    for (const [index, { name, request }] of visits.entries()) {
      const answer = answers[index]!;
      const text = answer.raw.toString('latin1');
      if (NAMES.some((other) => other !== name && text.includes(other))) foreign.push(`${request}\n${text}`);
      const isHit = field(answer, 'cache-status') === 'nginx; hit';
      if (isHit) hits += 1;
      if (text.includes(name)) personal += 1;
      if (isHit && text.includes(name)) foreign.push(`stored: ${request}\n${text}`);
    }
    expect(foreign.slice(0, 3), `seed ${SEED}, ${foreign.length} in all`).toEqual([]);
    // And all of it was at stake.
    expect(hits).toBeGreaterThan(REQUESTS / 50);
    expect(personal).toBeGreaterThan(REQUESTS / 10);
  });
});
