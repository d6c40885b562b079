import { fc } from '../support/random.js';

/** The parameters that the tests allow, in the order of the key; `utm_*` is ignored. */
export const ALLOWED = ['page', 'sort', 'q-1'] as const;

const hex = (code: number, upper: boolean) => {
  const text = code.toString(16).padStart(2, '0');
  return `%${upper ? text.toUpperCase() : text}`;
};
const anyByte = fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code));
const odd = fc.constantFrom(
  ...Array.from(';+|^\\#%&=?~\'"<>[]{}`!$@,:*()'),
  '//',
  '/./',
  '/../',
  '/..',
  '/.',
  '..',
  '\x7f',
  '\t',
  '\x01',
);
const encoded = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.boolean()).map(([code, upper]) => hex(code, upper));
const plain = fc.stringMatching(/^[A-Za-z0-9_~.-]{1,8}$/);
const encodedText = fc
  .constantFrom('ä', 'käse ecke', '日本語', '😀', '%', '"', '#?', 'Å<>', '`{}^', '\x7f', 'a b')
  .map((text) => encodeURIComponent(text).replace(/[!'()*]/g, '$&'));
const rawText = fc.constantFrom('ä', '日本', '😀').map((text) => Buffer.from(text, 'utf8').toString('latin1'));

/** As a browser would send it, mostly. */
const tidySegment = fc.oneof(
  { weight: 5, arbitrary: plain },
  { weight: 3, arbitrary: encodedText },
  { weight: 2, arbitrary: fc.constantFrom(...Array.from(";+|!$&'()*,=:@[]~-._")) },
);
const wildSegment = fc.oneof(tidySegment, anyByte, odd, encoded, rawText);
const segment = (piece: fc.Arbitrary<string>) =>
  fc.array(piece, { minLength: 1, maxLength: 4 }).map((all) => all.join(''));

const templates = fc.constantFrom('/posts/', '/Posts/', '/k%C3%A4se/', '/k%c3%a4se/', '/käse/', '/tag/x/', '/');
const path = (piece: fc.Arbitrary<string>) =>
  fc
    .tuple(templates, fc.array(segment(piece), { maxLength: 3 }), fc.constantFrom('', '', '', '/'))
    .map(([start, segments, end]) => Buffer.from(start, 'utf8').toString('latin1') + segments.join('/') + end);

/** Around the length at which memcached refuses a key: with escaping, each `%` counts as three. */
const longPath = fc
  .tuple(
    fc.integer({ min: -'example.com'.length - 3, max: 3 }),
    fc.integer({ min: 0, max: 60 }),
    fc.constantFrom('%20', '%C3%A4', 'a%25'),
  )
  .map(([off, percents, unit]) => {
    const escapes = unit.repeat(percents);
    const weight = escapes.length + 2 * escapes.split('%').slice(1).length;
    return `/${escapes}${'x'.repeat(Math.max(0, 250 - LONG_PATH_RESERVE - 1 - weight + off))}`;
  });
/** Bytes of the prefix of the keys; a host makes them longer still. */
const LONG_PATH_RESERVE = 'page:'.length;

const value = fc.oneof(
  fc.constantFrom(
    '',
    '1',
    '2',
    'a%20b',
    'a+b',
    '%C3%A4',
    '%c3%a4',
    'a%2Fb',
    '%41',
    'a;b',
    "a'b",
    'ä',
    'x=y',
    '<>',
    '"',
    '#',
  ),
  fc.array(wildSegment, { maxLength: 2 }).map((all) => all.join('')),
);
const tidyParameter = fc
  .tuple(fc.constantFrom(...ALLOWED), fc.constantFrom('', '1', '22', 'a%20b', 'a+b', '%C3%A4', 'a/b', 'a:b@c'))
  .map(([name, text]) => `${name}=${text}`);
const wildParameter = fc.oneof(
  tidyParameter,
  fc
    .tuple(fc.constantFrom(...ALLOWED, 'pagex', 'xpage', 'Page', 'p%61ge', 'page[]', 'q.1'), value)
    .map((all) => all.join('=')),
  fc.tuple(fc.constantFrom('utm_source', 'utm_', 'utm', 'utm_a%26page'), value).map((all) => all.join('=')),
  fc.constantFrom('page', 'utm_x', '', '=', '&', '?', '?page=1', ';page=1', 'foo=bar'),
);
const query = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  {
    weight: 4,
    arbitrary: fc
      .uniqueArray(tidyParameter, { minLength: 1, maxLength: 3, selector: (text) => text.split('=')[0] })
      .map((all) => `?${all.toSorted((a, b) => rank(a) - rank(b)).join('&')}`),
  },
  { weight: 4, arbitrary: fc.array(wildParameter, { maxLength: 4 }).map((all) => `?${all.join('&')}`) },
  { weight: 1, arbitrary: fc.constantFrom('?', '??', '?&', '#', '#?page=1', '?page=1#x', '?#') },
);
const rank = (parameter: string) => ALLOWED.findIndex((name) => parameter.startsWith(`${name}=`));

const originForm = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(path(tidySegment), query).map((all) => all.join('')) },
  { weight: 4, arbitrary: fc.tuple(path(wildSegment), query).map((all) => all.join('')) },
  { weight: 1, arbitrary: fc.tuple(longPath, fc.constantFrom('', '', '?page=1')).map((all) => all.join('')) },
  { weight: 1, arbitrary: fc.array(wildSegment, { minLength: 1, maxLength: 4 }).map((all) => all.join('')) },
);

/** Everything that a client may put between the method and the version: one UTF-16 unit a byte. */
export const requestTarget: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: originForm },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('http://', 'HTTP://', 'https://'),
        fc.constantFrom('example.com', 'other.example', 'EXAMPLE.com:80', '[::1]'),
        fc.oneof(originForm, fc.constantFrom('', '?page=1', '/')),
      )
      .map((all) => all.join('')),
  },
);
