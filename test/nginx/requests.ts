import { requestTarget } from '../page/targets.js';
import { fc } from '../support/random.js';

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

const cookieName = fc.constantFrom(
  'connect.sid',
  'sid',
  'Sid',
  'SID',
  'xsid',
  'sidx',
  'lang',
  '_ga',
  '_gat',
  '_ga_ABC',
  '_gid',
  '__utma',
  'utm',
  ...['sess-1', 'sess-', 'sess-x2', 'SESSION', 'theme', 'käse', '"_ga"', '', '_ga\t', ' _ga', '_ga=_ga'].map(latin1),
);
const cookieValue = fc.constantFrom(
  ...['1', '', 'GA1.2.3', '"quoted"', '"a;b"', '"a; sid=1"', 'a=b', 'ä', ' x ', ',', 'sid', '%3B', '\\"'].map(latin1),
);
const cookiePair = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(cookieName, fc.constantFrom('=', '=', '=', ' = '), cookieValue).map((all) => all.join('')),
  },
  { weight: 1, arbitrary: cookieName },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '=', ';', '\xa0sid=1', '\xa0_ga=1', '\xff', ',sid=1', '\tsid=1', '$Version=1'),
  },
);
const cookieField = fc
  .tuple(fc.array(cookiePair, { maxLength: 4 }), fc.constantFrom('; ', '; ', ';', ' ; ', ';\t', ', ', ';;'))
  .map(([pairs, separator]) => `Cookie: ${pairs.join(separator)}`);

const rarely = (field: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 11, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: field.map((text) => [text]) });

const cookies = fc.oneof(
  { weight: 4, arbitrary: fc.constant<string[]>([]) },
  { weight: 4, arbitrary: cookieField.map((text) => [text]) },
  { weight: 1, arbitrary: fc.array(cookieField, { minLength: 2, maxLength: 3 }) },
);
const authorization = fc.constantFrom('Basic YTpi', '', ' ', '\t', 'Bearer x').map((text) => `Authorization: ${text}`);
const requestField = fc
  .tuple(
    fc.constantFrom(
      'X-Api-Key',
      'x-auth-TOKEN',
      'Remote-User',
      'RSC',
      'hx-request',
      'X-Preview',
      'X-Api_Key',
      'X-Api-Keys',
      'X-Theme',
    ),
    fc.constantFrom('', ' ', '\t', 'x', '0', ', ,', '\u00a0', 'a b'),
  )
  .map(([name, value]) => `${name}: ${value}`);
const upgrade = fc.constantFrom('websocket', 'h2c', '', '\t').map((text) => `Upgrade: ${text}\r\nConnection: upgrade`);
const host = fc.constantFrom(
  'example.com',
  'example.com',
  'example.com',
  'EXAMPLE.com',
  'example.com:80',
  'example.com.',
  'Example.Com.:8080',

  'example.com:',
  'example.com:x',
  'example.com..',
  '.example.com',
  'www.example.com',
  'other.example',
  '[::1]',
  '[::1]:80',
  'a|b',
  'example.com|example.com',
  '',
  'example.comx',
);
const path = fc.constantFrom(
  '/',
  '/posts',
  '/posts/',
  '/posts/1',
  '/postsx',
  '/Posts/1',
  '/admin',
  '/admin/x',
  '/ADMIN/y',
  '/a/b/c',
  '/search',

  '/k%C3%A4se',
  '/k%C3%A4se/gouda',
  '/K%C3%84SE',
  '/tags/x',
  '/TAGS/%C3%A9',
  '/my%20file',
  '/my%20files/1',
  '/a;b',
  '/a+b',

  '/posts/%0A',
  '/admin%0A',
  '/admin%2Fx',
  '/%61dmin',
  '//admin',
  '/a/../admin',
  '/admin?',
  '/x%3Fy',
  '/x%23y',
  '/100%25',
);
const query = fc.constantFrom(
  '',
  '',
  '',
  '?',
  '?page=1',
  '?page=',
  '?sort=a&page=2',
  '?utm_x=1',
  '?utm_x=1&page=2',
  '?page=1&page=2',
  '?gclid',

  '?foo=1',
  '?page',
  '?page=%41',
  '?page=%2f',
  '?page=%2F',
  '?page=a b'.replace(' ', '+'),
  '?q-1=x&utm_',
  '?id[]=1',
  '?id%5B%5D=1',

  '?utm_x=1#&page=2',
  '?page=1#',
  '?&page=1',
  '?page=1&',
  '?utm_a&&page=1',
  '?xpage=1',
  '?page=1;page=2',
  '?ref-12=a',
  '?ref-1x=a',

  '?page=0',
  '?page=01',
  '?page=12',
  '?page=999',
  '?page=1000',
  '?page=1x',
  '?page=12&utm_x=1&sort=desc',
  '?page=12&page=999999',
  '?sort=asc&page=99',
  '?sort=descx',
  '?sort=ab%2F',
  '?q-1=axb&page=7',
  '?q-1=a=b',
  '?q-1=xa',
);
const target = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(path, query).map((all) => all.join('')) },
  { weight: 1, arbitrary: requestTarget },
);
const method = fc.constantFrom(
  ...Array<string>(12).fill('GET'),
  'HEAD',
  'POST',
  'PUT',
  'OPTIONS',
  'PURGE',
  'PROPFIND',
  'get',
  'M-SEARCH',
);

/** The fields that frame the content, and the content. */
const content = fc.constantFrom(
  ['Content-Length: 0\r\n', ''],
  ['Content-Length: 3\r\n', 'abc'],
  ['Content-Length: 010\r\n', '0123456789'],
  ['Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'],
);

/** A whole request, mostly one that everybody would accept: one UTF-16 unit a byte. */
export const request: fc.Arbitrary<string> = fc
  .record({
    method,
    target,
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.1', '1.1', '1.0'),
    host: fc.oneof(
      { weight: 6, arbitrary: host.map((name) => [`Host: ${name}`]) },
      { weight: 1, arbitrary: fc.constant<string[]>([]) },
    ),
    cookies,
    authorization: rarely(authorization),
    requestFields: rarely(requestField),
    upgrade: rarely(upgrade),
    content: fc.oneof({ weight: 15, arbitrary: fc.constant(['', '']) }, { weight: 1, arbitrary: content }),
    more: rarely(
      fc.constantFrom(
        'X-Page-Cache-Key: page:/',
        'If-None-Match: "x"',
        'Accept-Language: de-CH, en;q=0.5',
        'Accept-Language: fr,pt-BR',
        'Accept-Language: de',
        'X-Page-Cache-Bypass: 0123456789abcdef',
        'X-Page-Cache-Bypass: x',
        'Range: bytes=0-1',
        'Range: ',
        'Cookie2: sid=1',
        'cookie: _ga=2',
      ),
    ),
  })
  .map(
    ({
      method,
      target,
      version,
      host,
      cookies,
      authorization,
      requestFields,
      upgrade,
      more,
      content: [framing, body],
    }) => {
      const fields = [...host, ...more, ...cookies, ...authorization, ...requestFields, ...upgrade];
      return [`${method} ${target} HTTP/${version}`, ...fields, `${framing}`].join('\r\n') + `\r\n${body}`;
    },
  );
