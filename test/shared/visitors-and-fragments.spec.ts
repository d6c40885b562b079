import { gunzipSync } from 'node:zlib';
import { Controller, Get, Header, Param, Req } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { FragmentPage, PageFragment, pageFragment } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { field, RawPool } from '../page/raw-pool.js';
import { PLATFORMS } from '../support/applications.js';
import { FLAVOURS, startFlavour } from '../support/flavours.js';
import { generator, SEED } from '../support/random.js';

/** In all. */
const REQUESTS = 5000;
const HTML = 'text/html; charset=utf-8';
const NAMES = ['ada', 'bob', 'cy'] as const;
const NOBODY = 'nobody';
const PATHS = Array.from({ length: 6 }, (_, index) => `/pages/${index}`);

interface Reader {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

function nameOf({ headers }: Reader): string {
  return /\bsid=(\w+)/.exec(`${headers['cookie']} ${headers['authorization']}`)?.[1] ?? NOBODY;
}

@Controller()
class ReadersController {
  static readonly runs = new Map<string, number>();

  private count(what: string): void {
    ReadersController.runs.set(what, (ReadersController.runs.get(what) ?? 0) + 1);
  }

  @Get('pages/:id')
  @Header('content-type', HTML)
  page(@Param('id') id: string, @Req() reader: Reader) {
    this.count(`/pages/${id}`);
    const bar = pageFragment('reader-bar', { id }, { fallback: 'no bar' });
    return `<header>${bar}</header><h1>page ${id} of ${nameOf(reader)}</h1>`;
  }

  @PageFragment('reader-bar')
  @Header('content-type', HTML)
  bar(@Req() reader: Reader, @FragmentPage() page: string) {
    this.count('bar');
    return `<b>${nameOf(reader)} on ${page}</b>`;
  }

  @Get('own/:id')
  @Header('content-type', HTML)
  own(@Param('id') id: string, @Req() reader: Reader) {
    return `<h1>own ${id} of ${nameOf(reader)}</h1>`;
  }
}

const CASES = FLAVOURS.flatMap((flavour) => PLATFORMS.map((platform) => [flavour.name, platform, flavour] as const));

describe.each(CASES)('three users and a visitor, %s on %s', (_, platform, flavour) => {
  it('get pages that are rendered once, with fragments that are made for each of them', async () => {
    ReadersController.runs.clear();
    const options = { shared: ['/pages/*'], fragments: ['/pages/*'], fragmentTimeout: 60_000, statuses: [200] };
    await using site = await startFlavour(flavour, platform, options, { controllers: [ReadersController] });
    const expected = (path: string, name: string) =>
      `<header><b>${name} on ${path}</b></header><h1>page ${path.slice(7)} of ${NOBODY}</h1>`;
    for (const [index, path] of PATHS.entries()) {
      const name = NAMES[index % 3]!;
      const first = await site.get(path, { Cookie: `sid=${name}` });
      expect(textOf(first)).toBe(expected(path, name));
      await expect.poll(async () => field(await site.get(path, { Cookie: 'sid=x' }), 'cache-status')).toBe(site.hit);
    }
    const random = generator();
    const below = (limit: number) => Math.floor(random() * limit);
    const visits = Array.from({ length: REQUESTS / CASES.length }, () => {
      const name = [...NAMES, NOBODY][below(4)]!;
      const path = below(5) === 0 ? `/own/${below(3)}` : PATHS[below(PATHS.length)]!;
      const credentials = [`Cookie: sid=${name}; theme=dark`, `Authorization: Bearer sid=${name}`][below(2)]!;
      const fields = [
        `Host: ${site.host}`,
        ...(name === NOBODY ? [] : [credentials]),
        ...(below(2) === 0 ? ['Accept-Encoding: gzip'] : []),
      ];
      return { name, path, request: `GET ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n` };
    });
    const bars = ReadersController.runs.get('bar') ?? 0;
    const pool = new RawPool(site.nginx?.port ?? Number(site.host.split(':')[1]), 8);
    const answers = await pool.sendAll(visits.map(({ request }) => request)).finally(() => pool.close());
    const wrong = visits.flatMap(({ name, path, request }, index) => {
      const body = textOf(answers[index]!);
      const right = path.startsWith('/own/') ? `<h1>own ${path.slice(5)} of ${name}</h1>` : expected(path, name);
      return body === right ? [] : [`${request}${body}`];
    });
    expect(wrong.slice(0, 3), `seed ${SEED}, ${wrong.length} in all`).toEqual([]);
    for (const path of PATHS) expect([path, ReadersController.runs.get(path)]).toEqual([path, 1]);
    const pages = visits.filter(({ path }) => !path.startsWith('/own/')).length;
    expect((ReadersController.runs.get('bar') ?? 0) - bars).toBe(pages);
  });
});

function textOf(answer: RawResponse): string {
  const body = field(answer, 'content-encoding') === 'gzip' ? gunzipSync(answer.body) : answer.body;
  return body.toString('latin1');
}
