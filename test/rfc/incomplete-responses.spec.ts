import { expect, it } from 'vitest';
import { field } from '../page/raw-pool.js';
import { answer } from './support/answers.controller.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

const RANGE = { Range: 'bytes=0-3' };
const WHOLE = '<h1>the whole page</h1>';

describeWholeResponses('incomplete responses (RFC 9111, section 3.3)', (site) => {
  it('RFC 9110, section 15.3.7: a part that somebody asked for is not stored, and replaces nothing', async () => {
    const target = site().answers.add((response, request) => {
      response.setHeader('Content-Type', 'text/html');
      if (request.headers.range === undefined) return response.end(WHOLE);
      response.setHeader('Content-Range', `bytes 0-3/${WHOLE.length}`);
      return response.writeHead(206).end(WHOLE.slice(0, 4));
    });
    expect(WHOLE.startsWith((await site().get(target, RANGE)).body.toString())).toBe(true);
    const { second } = await site().twice(target);
    expect([site().isHit(second), second.body.toString()]).toEqual([true, WHOLE]);
    // From the application or from the page, whole or in part.
    const part = await site().get(target, RANGE);
    expect(part.body.toString()).toBe(part.status === 206 ? WHOLE.slice(0, 4) : WHOLE);
    expect((await site().get(target)).body.toString()).toBe(WHOLE);
  });

  it('RFC 9110, section 14.2: a part that nobody asked for is not stored', async () => {
    expect(await site().kept({ 'Content-Range': 'bytes 0-3/100' }, 'part', 206)).toEqual([false, 'status-206']);
  });

  it.each([
    ['less content than Content-Length has announced is', { 'Content-Length': '1000' }],
    ['chunks without an end are', {}],
  ])('section 3.3: %s not stored', async (_, framing) => {
    const target = site().answers.add((response) => {
      response.writeHead(200, { 'Content-Type': 'text/html', ...framing });
      response.write('the beginning');
      setImmediate(() => response.destroy());
    });
    await site()
      .get(target)
      .catch(() => undefined);
    site().answers.change(target, answer({}, WHOLE));
    const { first, second } = await site().twice(target);
    expect([site().isHit(first), site().isHit(second), second.body.toString()]).toEqual([false, true, WHOLE]);
  });

  it('section 4.3.4: a 304 of the application neither becomes nor replaces a page', async () => {
    const target = site().answers.add((response, request) => {
      response.setHeader('Content-Type', 'text/html');
      response.setHeader('ETag', '"1"');
      if (request.headers['if-none-match'] === '"1"') return response.writeHead(304).end();
      return response.end(WHOLE);
    });
    const condition = { 'If-None-Match': '"1"' };
    expect((await site().get(target, condition)).status).toSatisfy((status: number) => [200, 304].includes(status));
    const { second } = await site().twice(target);
    expect([site().isHit(second), second.body.toString()]).toEqual([true, WHOLE]);
    expect((await site().get(target, condition)).status).toBe(304);
    expect((await site().get(target)).body.toString()).toBe(WHOLE);
    expect(site().answers.calls(target)).toBeLessThanOrEqual(2);
  });

  it('RFC 9110, section 9.3.2: HEAD makes no page, and replaces none', async () => {
    const target = site().answers.add((response, request) => {
      response.setHeader('Content-Type', 'text/html');
      response.setHeader('X-Method', request.method ?? '');
      response.end(request.method === 'HEAD' ? undefined : WHOLE);
    });
    const head = await site().get(target, {}, 'HEAD');
    expect([head.status, head.body.length, site().isHit(head)]).toEqual([200, 0, false]);
    const { first, second } = await site().twice(target);
    expect([site().isHit(first), site().isHit(second)]).toEqual([false, true]);
    await site().get(target, {}, 'HEAD');
    const again = await site().get(target);
    expect([site().isHit(again), field(again, 'x-method'), again.body.toString()]).toEqual([true, 'GET', WHOLE]);
  });

  it('RFC 9110, section 9.3.2: HEAD has the fields of the page, and its length', async () => {
    const target = site().answering({ 'X-Own': ['1', '2'], 'Content-Length': String(WHOLE.length) }, WHOLE);
    const { second } = await site().twice(target);
    const head = await site().get(target, {}, 'HEAD');
    for (const name of ['content-type', 'content-length', 'x-own']) {
      expect(values(head, name)).toEqual(values(second, name));
    }
  });
});
