import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memcachedStore, type NginxConf, NginxCacheConfigError, nginxConf } from '../../lib/index.js';
import { directives, shape } from './directives.js';
import { fc } from '../support/random.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'injection-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** One value at each place where text goes into the configuration. */
interface Texts {
  prefix: string;
  contentType: string;
  path: string;
  pattern: string;
  cookie: string;
  parameter: string;
  ignored: string;
  host: string;
  memcached: string;
  app: string;
  listen: string;
  serverName: string;
  place: string;
  location: string;
  fieldName: string;
  fieldValue: string;
  proxy: string;
  headerName: string;
  headerValue: string;
  cacheControl: string;
  variantName: string;
  variantValue: string;
  variantHeader: string;
  token: string;
}
const HARMLESS: Texts = {
  prefix: 'a:',
  contentType: 'text/html; charset=utf-8',
  path: '/a',
  pattern: '^/a',
  cookie: 'a',
  parameter: 'a',
  ignored: 'b',
  host: 'a.example',
  memcached: '127.0.0.1:11211',
  app: '127.0.0.1:3000',
  listen: '127.0.0.1:18082',
  serverName: 'a.example',
  place: '/tmp',
  location: '/a',
  fieldName: 'X-F',
  fieldValue: 'a',
  proxy: '127.0.0.1',
  headerName: 'X-A',
  headerValue: 'a',
  cacheControl: 'no-cache',
  variantName: 'a',
  variantValue: 'a',
  variantHeader: 'X-B',
  token: '0123456789abcdef',
};

function conf(texts: Texts): NginxConf {
  return nginxConf(
    {
      prefix: texts.prefix,
      store: memcachedStore({ servers: texts.memcached }),
      nginx: { contentType: texts.contentType, headers: { [texts.headerName]: texts.headerValue } },
      clientCacheControl: texts.cacheControl,
      bypassToken: texts.token,
      variants: [
        { name: texts.variantName, cookie: 'v', values: ['x', texts.variantValue], default: 'x' },
        { name: 'w', header: texts.variantHeader, values: ['x'], default: 'x' },
      ],
      anonymousOnly: { sessionCookies: [texts.cookie] },
      include: [texts.path, new RegExp(texts.pattern)],
      exclude: [texts.path],
      query: { allow: [texts.parameter], ignore: [texts.ignored] },
      hosts: [texts.host],
    },
    {
      app: [texts.app],
      listen: texts.listen,
      serverName: [texts.serverName],
      directory: texts.place,
      location: ['/', '/b', texts.location],
      proxySetHeader: { [texts.fieldName]: texts.fieldValue },
      trustedProxies: ['::1', texts.proxy],
    },
  );
}

/** All that is written. */
const whole = ({ full, files }: NginxConf) => [full, ...Object.values(files)].join('\n');

const piece = fc.constantFrom(
  '"',
  "'",
  ';',
  '{',
  '}',
  '\n',
  '\r',
  '$',
  '$host',
  '${host}',
  '\\',
  '\\"',
  '#',
  ' ',
  '\t',
  '\0',
  '~',
  '*',
  '\u2028',

  'a',
  '0',
  '/',
  '.',
  ':',
  '-',
  'include /etc/passwd;',
  '"; return 200 "',
  '} server {',
  'ä',
  '(',
  ')',
  '[',
  ']',
  '?',
  '|',
);
const hostile = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
const inside = (text: string) =>
  fc.tuple(hostile, fc.constantFrom('before', 'behind', 'alone')).map(([bad, where]) => {
    if (where === 'alone') return bad;
    return where === 'before' ? bad + text : text + bad;
  });

/** All that is written, or why a value is refused. */
function written(texts: Texts): { text: string } | { error: unknown } {
  try {
    return { text: whole(conf(texts)) };
  } catch (error) {
    return { error };
  }
}

describe.each(Object.keys(HARMLESS) as (keyof Texts)[])('%s', (name) => {
  it('is refused, or is one parameter and no more', async () => {
    const shapeOf = (texts: Texts) => {
      const harmless = shape(directives(whole(conf(texts))));
      // Comparing texts is faster.
      return { harmless, asText: JSON.stringify(harmless) };
    };
    const usual = shapeOf(HARMLESS);
    // A location that ends in a slash is another one.
    const slashed = shapeOf({ ...HARMLESS, location: '/a/' });
    const accepted = new Map<string, string>();
    for (const text of new Set(fc.sample(inside(HARMLESS[name]), { numRuns: 1500 }))) {
      if (name === 'pattern' && !isRegExp(text)) continue;
      const result = written({ ...HARMLESS, [name]: text });
      if ('text' in result) accepted.set(text, result.text);
      else if (!(result.error instanceof NginxCacheConfigError))
        expect(result.error, JSON.stringify(text)).toBeInstanceOf(TypeError);
    }
    for (const [text, full] of accepted) {
      // `charset_types` and `gzip_types` depend on the content type, and one location is there already.
      if (name === 'contentType' || (name === 'location' && text === '/')) continue;
      const { harmless, asText } = name === 'location' && text.endsWith('/') ? slashed : usual;
      // What stands first in its line is a part of the shape.
      const own = shape(
        directives(name === 'proxy' ? full.replaceAll(`${text} trusted;`, `${HARMLESS.proxy} trusted;`) : full),
      );
      if (JSON.stringify(own) !== asText) expect(own, JSON.stringify(text)).toEqual(harmless);
    }
    expect(accepted.size).toBeGreaterThan(0);
    for (const text of [...accepted.keys()].slice(0, 12)) {
      // nginx makes the directories of `place`: below the one of the test only.
      const texts = { ...HARMLESS, place: directory, [name]: name === 'place' ? directory + text : text };
      expect(await nginxTest(conf(texts), texts.place), JSON.stringify(text)).toBe('');
    }
  });
});

function isRegExp(source: string): boolean {
  try {
    return source !== '' && new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
}

/** What is wrong with a configuration, except that names and directories of the test do not exist. */
async function nginxTest({ full, files }: NginxConf, place: string): Promise<string> {
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, full);
  mkdirSync(place, { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(place, path), text);
  const { stderr } = await promisify(execFile)('nginx', ['-t', '-c', file, '-e', 'stderr']).catch(
    (error: { stderr: string }) => error,
  );
  return stderr.replace(
    /^.*(?:syntax is ok|test is successful|test failed|host not found in.*|.*unknown "\w+" variable.*|.*duplicate location.*|\(\d+: .*\).*)\n/gm,
    '',
  );
}
