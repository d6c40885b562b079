import { gzipSync } from 'node:zlib';
import { Controller, Get, Header } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { keyvStore } from '../../lib/index.js';
import { isPage } from '../../lib/page/is-page.js';
import type { HeaderField } from '../../lib/http/fields.js';
import type { Page } from '../../lib/page/page.js';
import { storedFields } from '../../lib/http/stored-fields.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';
import { anyPage } from '../stores/pages.js';
import { fc } from '../support/random.js';

const TOKEN = "!#$%&'*+-.^_`|~09azAZ".split('');
const VALUE = [
  '\t',
  ...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter((one) => /[ -~\x80-\xff]/.test(one)),
];

const anyField: fc.Arbitrary<HeaderField> = fc
  .tuple(
    fc.oneof(
      fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1 }),
      fc.constantFrom('Content-Type', 'Link', 'ETag'),
    ),
    fc.string({ unit: fc.constantFrom(...VALUE) }),
  )
  .filter((field) => storedFields([field]).length === 1);

/** As the application stores them. */
const storedPage: fc.Arbitrary<Page> = fc
  .tuple(anyPage, fc.array(anyField), fc.array(fc.string()))
  .map(([page, headers, tags]) => ({
    ...page,
    headers,
    ...(tags.length > 0 && { tags }),
    body: page.contentEncoding ? gzipSync(page.body) : page.body,
  }));

const CONTROLS = ['\r\n', '\r', '\n', '\0', '\x7f', '\x01', '\u0100', '\u{1f600}'];
const NOT_STORED = ['Connection', 'Keep-Alive', 'TE', 'Trailer', 'TRANSFER-encoding', 'Upgrade', 'Set-Cookie', 'Age'];
const OF_THE_MESSAGE = ['Content-Length', 'content-encoding', 'Cache-Status', 'Proxy-Connection'];

/** What is wrong, by its name. */
const WRONG: Readonly<Record<string, fc.Arbitrary<Readonly<Record<string, unknown>>>>> = {
  status: fc
    .oneof(fc.integer({ max: 199 }), fc.integer({ min: 600 }), fc.constantFrom(NaN, 200.5, '200', null, undefined))
    .map((status) => ({ status })),
  headers: fc
    .constantFrom(undefined, null, {}, 'Content-Type: text/html', 5, [1], [[]], [['X']])
    .map((headers) => ({ headers })),
  'the types in a field': fc
    .constantFrom(['X', 5], [5, 'x'], ['X', 'x', 'x'], ['X', null], ['X', ['a', 'b']], 'ab', null)
    .map((field) => ({ headers: [field] })),
  'the name of a field': fc
    .constantFrom('', 'a b', 'a:b', 'a\r\nb', 'caf\xe9', 'a\0', '(a)', 'a,b')
    .map((name) => ({ headers: [[name, 'x']] })),
  'the value of a field': fc
    .tuple(fc.string(), fc.constantFrom(...CONTROLS), fc.string())
    .map((parts) => ({ headers: [['X', parts.join('')]] })),
  'a field of the connection': fc.constantFrom(...NOT_STORED, ...OF_THE_MESSAGE).map((name) => ({
    headers: [
      ['Content-Type', 'text/html'],
      [name, '5'],
    ],
  })),
  body: fc
    .constantFrom(undefined, null, 5, 'text', [1, 2], {}, new Uint8Array(5), { type: 'Buffer', data: [1] })
    .map((body) => ({ body })),
  coding: fc.constantFrom('br', 'GZIP', '', 5, null, 'identity').map((contentEncoding) => ({ contentEncoding })),
  'gzip that is none': fc
    .constantFrom('', '<h1>text</h1>', '\x1f', '\x8b\x1f')
    .map((text) => ({ contentEncoding: 'gzip', body: Buffer.from(text, 'latin1') })),
};

describe('what a store gives back', () => {
  it('is a page when the application has stored it', () => {
    fc.assert(
      fc.property(storedPage, (page) => {
        expect(isPage(page)).toBe(true);
      }),
    );
  });

  it.each(Object.entries(WRONG))('is none when something is wrong with it: %s', (_, wrong) => {
    fc.assert(
      fc.property(storedPage, wrong, (page, part) => {
        expect(isPage({ ...page, ...part })).toBe(false);
      }),
    );
  });

  it('is none when it is anything else', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        expect(isPage(anything)).toBe(false);
      }),
    );
    for (const nothing of [undefined, null, '', 0, [], {}]) expect(isPage(nothing)).toBe(false);
  });
});

let rendered = 0;

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    rendered += 1;
    return `<h1>rendered ${rendered}</h1>`;
  }
}

interface Entry {
  readonly value: { readonly headers: readonly HeaderField[] };
}

/** What somebody else has written there; of a page that was there before, where that is needed. */
const GARBAGE: readonly (readonly [string, (value: Entry['value']) => unknown])[] = [
  ['no headers', (value) => ({ ...value, headers: undefined })],
  ['no body', (value) => ({ ...value, body: undefined })],
  ['a body of text', (value) => ({ ...value, body: 'text' })],
  ['a numeric body', (value) => ({ ...value, body: 5 })],
  ['no status', (value) => ({ ...value, status: 'x' })],
  ['an odd status', (value) => ({ ...value, status: 99 })],
  ['a status of Node', (value) => ({ ...value, status: 1000 })],
  ['a name with a space', (value) => ({ ...value, headers: [['a b', 'x']] })],
  ['a value with a line end', (value) => ({ ...value, headers: [['X', 'a\r\nSet-Cookie: b']] })],
  ['a numeric value', (value) => ({ ...value, headers: [['Date', 5]] })],
  ['a numeric field', (value) => ({ ...value, headers: [1] })],
  ['a length', (value) => ({ ...value, headers: [...value.headers, ['Content-Length', '5']] })],
  ['chunks', (value) => ({ ...value, headers: [...value.headers, ['Transfer-Encoding', 'chunked']] })],
  ['a coding', (value) => ({ ...value, contentEncoding: 'gzip' })],
  ['text', () => 'text'],
  ['a number', () => 5],
  ['a list', () => []],
];

describe.each(PLATFORMS)('with a Keyv in which somebody else has written, on %s', (platform) => {
  it('the visitor gets the answer of the handler', async () => {
    const entries = new Map<string, unknown>();
    const parts = { controllers: [PageController], providers: [PageLog] };
    const options = { store: keyvStore(entries) };
    const { app, url } = await startApplication({ platform, ...parts, options });
    const log = app.get(PageLog);
    const miss = async () => {
      log.forget();
      const { code, status, body } = await answer(`${url}/page`);
      expect(status).toContain('fwd=miss');
      expect(await log.outcome('/page')).toBe('stored');
      return [code, body.toString()];
    };
    try {
      await miss();
      for (const [what, made] of GARBAGE) {
        const key = [...entries.keys()].find((one) => one.endsWith('/page'))!;
        const entry = JSON.parse(entries.get(key) as string) as Entry;
        entries.set(key, JSON.stringify({ ...entry, value: made(entry.value) }));
        expect(await miss(), what).toEqual([200, `<h1>rendered ${rendered}</h1>`]);
      }
      expect((await answer(`${url}/page`)).status).toContain('; hit');
    } finally {
      await app.close();
    }
  });
});
