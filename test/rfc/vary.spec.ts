import { expect, it } from 'vitest';
import { field } from '../page/raw-pool.js';
import { describeWholeResponses, values } from './support/whole-responses.js';

describeWholeResponses('Vary (RFC 9111, section 4.1)', (site) => {
  it.each(['*', 'User-Agent', 'Accept-Encoding, Cookie', 'accept-language', 'Accept-Encoding,*', ', Origin'])(
    'section 4.1: a response that varies on %s is not stored',
    async (value) => {
      const target = site().answering({ Vary: value });
      const { first, second, outcome } = await site().twice(target);
      expect([site().isHit(second), outcome]).toEqual([false, 'vary']);
      expect(values(first, 'vary')).toEqual([value]);
    },
  );

  it('section 4.1: a second line is not overlooked', async () => {
    expect(await site().kept({ Vary: ['Accept-Encoding', 'Cookie'] })).toEqual([false, 'vary']);
  });

  it('RFC 9110, section 12.5.5: Accept-Encoding is undone, and said once', async () => {
    const target = site().answering({ Vary: 'accept-encoding' }, '<p>page</p>'.repeat(1000));
    const { first, second } = await site().twice(target, { 'Accept-Encoding': 'gzip' });
    expect(field(second, 'content-encoding')).toBe('gzip');
    for (const response of [first, second, await site().get(target)]) {
      expect(values(response, 'vary').join().toLowerCase()).toBe('accept-encoding');
    }
    expect((await site().get(target)).body.equals(first.body)).toBe(true);
  });
});

describeWholeResponses(
  'Vary on a declared variant (RFC 9111, section 4.1)',
  (site) => {
    it('chooses the page by the field', async () => {
      const target = site().answers.add((response, request) => {
        response.writeHead(200, { 'Content-Type': 'text/html', Vary: 'X-Form' });
        response.end(`form ${String(request.headers['x-form'])}`);
      });
      for (const form of ['a', 'b']) {
        const { second } = await site().twice(target, { 'X-Form': form });
        expect([site().isHit(second), second.body.toString()]).toEqual([true, `form ${form}`]);
        expect(values(second, 'vary')).toEqual(['X-Form']);
      }
      expect((await site().get(target, { 'X-Form': 'a' })).body.toString()).toBe('form a');
    });
  },
  { variants: [{ name: 'form', header: 'X-Form', values: ['a', 'b'], default: 'a' }] },
);

describeWholeResponses(
  'Vary on a field that asks for a part of a page',
  (site) => {
    it('is a variant like any other, once it is declared', async () => {
      const target = site().answers.add((response, request) => {
        response.writeHead(200, { 'Content-Type': 'text/html', Vary: 'HX-Request' });
        response.end(request.headers['hx-request'] === 'true' ? '<li>' : '<html><li>');
      });
      for (const [fields, body] of [
        [{}, '<html><li>'],
        [{ 'HX-Request': 'true' }, '<li>'],
      ] as const) {
        const { second } = await site().twice(target, fields);
        expect([site().isHit(second), second.body.toString()]).toEqual([true, body]);
        expect(values(second, 'vary')).toEqual(['HX-Request']);
      }
      // Another value may make any page.
      const other = await site().get(target, { 'HX-Request': 'perhaps' });
      expect([site().isHit(other), other.body.toString()]).toEqual([false, '<html><li>']);
    });
  },
  { variants: [{ name: 'htmx', header: 'HX-Request', values: ['false', 'true'], default: 'false' }] },
);
