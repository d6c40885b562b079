import { gunzipSync } from 'node:zlib';
import type { INestApplication } from '@nestjs/common';
import compression from 'compression';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryStore } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { startApplication } from '../support/applications.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { PageLog } from '../support/page-log.js';
import { RoutedHits } from '../support/routed-hits.js';
import { fc } from '../support/random.js';
import { RANGES } from '../support/ranges.js';
import { answer as ask } from '../support/site.js';
import { answer, Answers, AnswersController } from './support/answers.controller.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

const GZIP = { 'Accept-Encoding': 'gzip' };
/** Too short to be packed. */
const SHORT = '<p>0123456789</p>';
const LONG = '<p>a page that is worth compressing</p>'.repeat(100);

/** What a request for a part is answered with. */
function partial(response: RawResponse) {
  const [contentRange] = values(response, 'content-range');
  const isError = response.status === 416;
  return { status: response.status, contentRange, body: isError ? '' : response.body.toString('latin1') };
}

describeWholeResponses('ranges (RFC 9110, section 14)', (site) => {
  const isNginx = () => site().flavour.name === 'srcache';
  /** The hit. */
  const stored = async (body = SHORT, fields = {}, accept = {}) => {
    const target = site().answering(fields, body);
    const { second } = await site().twice(target, accept);
    expect(site().isHit(second)).toBe(true);
    return { target, whole: second };
  };

  it.each([
    ['', SHORT, {}],
    [' of the coded content, if it is sent so', LONG, GZIP],
  ])(
    'section 15.3.7: one range is answered with that part%s, and with the fields of the page',
    async (_, body, accept) => {
      const { target, whole } = await stored(body, { 'Cache-Control': 'max-age=100', 'X-Own': 'yes' }, accept);
      const { length } = whole.body;
      const half = Math.floor(length / 2);
      expect(values(whole, 'accept-ranges')).toEqual(['bytes']);
      const parts = await Promise.all(
        [`bytes=0-${half - 1}`, `bytes=${half}-`].map((range) => site().get(target, { ...accept, Range: range })),
      );
      expect(
        parts.map((part) => [part.status, ...values(part, 'content-range'), ...values(part, 'content-length')]),
      ).toEqual([
        [206, `bytes 0-${half - 1}/${length}`, `${half}`],
        [206, `bytes ${half}-${length - 1}/${length}`, `${length - half}`],
      ]);
      for (const part of parts) {
        expect(site().isHit(part)).toBe(true);
        for (const name of [
          'content-type',
          'content-encoding',
          'etag',
          'last-modified',
          'cache-control',
          'vary',
          'x-own',
        ]) {
          expect([name, values(part, name)]).toEqual([name, values(whole, name)]);
        }
      }
      const joined = Buffer.concat(parts.map((part) => part.body));
      expect((accept === GZIP ? gunzipSync(joined) : joined).toString()).toBe(body);
      expect(field(whole, 'etag')).toMatch(/^"/);
    },
  );

  it('section 14.2: a client that gets the content unpacked gets all of it', async () => {
    const { target } = await stored(LONG, { 'Accept-Ranges': 'bytes' });
    const response = await site().get(target, { Range: 'bytes=0-3' });
    expect([response.status, response.body.toString(), site().isHit(response)]).toEqual([200, LONG, true]);
    expect([values(response, 'accept-ranges'), values(response, 'content-range')]).toEqual([[], []]);
    expect(values(await site().get(target, GZIP), 'accept-ranges')).toEqual(['bytes']);
  });

  it('section 15.5.17: what is behind the end is answered with 416', async () => {
    const { target } = await stored(SHORT, { 'Cache-Control': 'max-age=100' });
    for (const range of [`bytes=${SHORT.length}-`, 'bytes=-0']) {
      const response = await site().get(target, { Range: range });
      expect([response.status, values(response, 'content-range')]).toEqual([416, [`bytes */${SHORT.length}`]]);
      expect([values(response, 'etag'), site().isHit(response)]).toEqual([[], true]);
      // nginx's own answer has the other fields of the page.
      if (!isNginx()) expect(values(response, 'cache-control')).toEqual([]);
    }
    expect((await site().get(target)).body.toString()).toBe(SHORT);
  });

  it('section 14.2: several ranges and other units are answered with the whole page', async () => {
    const { target } = await stored();
    const asked = await Promise.all(
      ['bytes=0-1,3-4', 'items=0-1', 'bytes=0-1-2', 'bytes=x'].map((range) => site().get(target, { Range: range })),
    );
    // nginx makes one response of several parts, and takes what is no range for one behind the end.
    const others = isNginx() ? [206, 200, 416, 416] : [200, 200, 200, 200];
    expect(asked.map(({ status }) => status)).toEqual(others);
    for (const response of asked.filter(({ status }) => status === 200)) expect(response.body.toString()).toBe(SHORT);
  });

  it('section 13.1.5: If-Range wants the page that the client has', async () => {
    const { target, whole } = await stored();
    const tag = field(whole, 'etag') ?? '';
    const status = async (condition: string) =>
      (await site().get(target, { Range: 'bytes=0-3', 'If-Range': condition })).status;
    expect(await status(tag)).toBe(206);
    expect(await status('"other"')).toBe(200);
    expect(await status(`W/${tag}`)).toBe(200);
    expect(await status('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(200);
    // A date says nothing of the coding; nginx takes it nevertheless.
    expect(await status(field(whole, 'last-modified') ?? '')).toBe(isNginx() ? 206 : 200);
  });

  it('section 13.2.2: whoever has the page is told so, whatever part is asked for', async () => {
    const { target, whole } = await stored();
    const response = await site().get(target, { Range: 'bytes=0-3', 'If-None-Match': field(whole, 'etag') ?? '' });
    expect([response.status, response.body.length]).toEqual([304, 0]);
    expect(values(response, 'content-range')).toEqual([]);
  });

  it('section 14.3: nothing is divided that the application does not divide', async () => {
    const { target } = await stored(SHORT, { 'Accept-Ranges': 'none' });
    const response = await site().get(target, { Range: 'bytes=0-3' });
    expect([response.status, response.body.toString()]).toEqual([200, SHORT]);
    expect(values(response, 'accept-ranges')).toEqual(['none']);
  });

  it('section 14.2: nor what is no success', async () => {
    const target = site().answering({ 'Cache-Control': 'max-age=100' }, SHORT, 404);
    const { second } = await site().twice(target);
    const response = await site().get(target, { Range: 'bytes=0-3' });
    expect([site().isHit(second), site().isHit(response)]).toEqual([true, true]);
    expect([response.status, response.body.toString(), values(response, 'accept-ranges')]).toEqual([404, SHORT, []]);
  });

  it('section 14.2: HEAD is answered as for the whole page', async () => {
    const { target } = await stored();
    const head = await site().get(target, { Range: 'bytes=0-3' }, 'HEAD');
    expect([head.status, values(head, 'content-range').length]).toEqual(isNginx() ? [206, 1] : [200, 0]);
  });

  it('section 3.3 of RFC 9111: the answer of the application is never taken for the page', async () => {
    const target = site().answers.add((response, request) => {
      const isPart = request.headers.range !== undefined;
      response.setHeader('Content-Type', 'text/html');
      if (isPart) response.writeHead(206, { 'Content-Range': `bytes 0-3/${SHORT.length}` });
      response.end(isPart ? SHORT.slice(0, 4) : SHORT);
    });
    await site().get(target, { Range: 'bytes=0-3' });
    await site().get(target);
    await site().site.log.outcome(target);
    const hit = await site().get(target);
    expect([site().isHit(hit), hit.status, hit.body.toString()]).toEqual([true, 200, SHORT]);
  });
});

/** By flavour: memcached, srcache, njs, files, and the application with pages in memory. */
describe('a part of a page', () => {
  const sites: FlavourSite[] = [];
  const targets: string[] = [];
  beforeAll(async () => {
    for (const flavour of FLAVOURS) {
      const parts = { controllers: [AnswersController], providers: [Answers] };
      const site = await startFlavour(flavour, 'express', {}, parts);
      sites.push(site);
      const target = site.app.get(Answers).add(answer({ 'Content-Type': 'text/html; charset=utf-8' }, SHORT));
      await site.twice(target);
      targets.push(target);
    }
  });
  afterAll(async () => {
    for (const site of sites) await site[Symbol.asyncDispose]();
  });

  it('is the same in every flavour, as nginx makes it of a file', async () => {
    await fc.assert(
      fc.asyncProperty(RANGES(SHORT.length), async ({ field: range, wanted, isCommon }) => {
        const responses = await Promise.all(
          sites.map((site, index) => site.get(targets[index] ?? '', range === '' ? {} : { Range: range })),
        );
        const expected =
          wanted === undefined
            ? { status: 200, contentRange: undefined, body: SHORT }
            : wanted === 'unsatisfiable'
              ? { status: 416, contentRange: `bytes */${SHORT.length}`, body: '' }
              : {
                  status: 206,
                  contentRange: `bytes ${wanted.start}-${wanted.end - 1}/${SHORT.length}`,
                  body: SHORT.slice(wanted.start, wanted.end),
                };
        for (const [index, response] of responses.entries()) {
          const { name } = FLAVOURS[index]!;
          const isOurs = name === 'njs' || name.startsWith('memory');
          expect(field(response, 'cache-status')).toBe(sites[index]!.hit);
          if (isCommon || isOurs) expect([name, range, partial(response)]).toEqual([name, range, expected]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['several ranges', { Range: 'bytes=0-1,3-4' }, 'GET', [200, 206, 200, 206, 200]],
    ['another unit', { Range: 'items=0-1' }, 'GET', [200, 200, 200, 200, 200]],
    ['what is no range', { Range: 'bytes=5-2' }, 'GET', [416, 416, 200, 416, 200]],
    ['HEAD', { Range: 'bytes=0-3' }, 'HEAD', [206, 206, 200, 206, 200]],
  ] as const)('or a flavour has its own answer to %s', async (_, fields, method, expected) => {
    const asked = sites.map((site, index) => site.get(targets[index] ?? '', fields, method));
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(expected);
  });

  it('or to one of a page of which only the date is known', async () => {
    const asked = sites.map(async (site, index) => {
      const target = targets[index] ?? '';
      const modified = field(await site.get(target), 'last-modified') ?? new Date().toUTCString();
      return (await site.get(target, { Range: 'bytes=0-3', 'If-Range': modified })).status;
    });
    expect(await Promise.all(asked)).toEqual([200, 206, 200, 206, 200]);
  });
});

describe('an application that compresses what is not compressed', () => {
  it('sends the whole page: it would give a part another coding than the page has', async () => {
    const { app, url } = await startApplication({
      platform: 'express',
      controllers: [AnswersController],
      providers: [Answers, PageLog, RoutedHits],
      options: { store: memoryStore(), compress: false },
      prepare: (created: INestApplication) => {
        created.use(compression({ threshold: 0 }));
      },
    });
    const target = app.get(Answers).add(answer({}, LONG));
    await ask(url + target);
    await app.get(PageLog).outcome(target);
    const part = await ask(url + target, { headers: { range: 'bytes=0-3', 'accept-encoding': 'gzip' } });
    expect(part).toMatchObject({ code: 200, status: 'nestjs-nginx-cache; hit' });
    expect(part.body.toString()).toBe(LONG);
    await app.close();
  });
});
