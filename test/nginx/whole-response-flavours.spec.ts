import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { field } from '../page/raw-pool.js';
import { extraTime } from '../support/extra-time.js';
import { NJS_SETS_DATE, njsVersion } from '../support/njs-version.js';
import { found } from '../support/raw-memcached.js';
import { type RawFlavour, startRawFlavour, storedPage } from '../support/raw-flavour.js';

const gzipped = () =>
  storedPage({ body: gzipSync('stored '.repeat(2000)), contentEncoding: 'gzip' }, ['Cache-Control', 'max-age=60']);

describe.each(['srcache', 'njs'] as const)('the flavour %s', (flavour) => {
  let site: RawFlavour;
  /** For answers that do not come: nginx waits for them 40 ms. */
  let impatient: RawFlavour;
  beforeAll(async () => {
    site = await startRawFlavour(flavour, { query: { allow: ['page'] } });
    impatient = await startRawFlavour(flavour, {}, { isPatient: false });
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
    await impatient?.[Symbol.asyncDispose]();
  });

  /** The answer to a request that costs a visitor no more than nginx's patience. */
  const getInTime = async (fields = '') => {
    const ask = () => impatient.get('/a', fields).catch((error: Error) => error);
    const bypass = () => impatient.get('/a', `Cookie: session=1\r\n`);
    const { extra, result } = await extraTime(40 + 40, ask, bypass);
    expect(extra).toBeLessThan(40 + 40);
    return result;
  };

  it('makes a configuration that nginx has nothing to say about', () => {
    expect(site.nginx.testOutput).toBe('');
  });

  it.each(['/a', '/a?page=1', '/a?page=%41%20b', '/%C3%A9;x=1', '/a+b,c', '/a?page=1?2'])(
    'asks for the key of %s, and for nothing else',
    async (target) => {
      const asked: string[] = [];
      site.memcached.answer = (key) => {
        asked.push(key);
        return { bytes: 'END\r\n', hang: true };
      };
      const { status } = await site.get(target);
      expect(status).toBe(200);
      const key = site.app.field('X-Page-Cache-Key') ?? '';
      if (key.startsWith('bypass')) expect(asked).toEqual([]);
      else expect(asked).toEqual([key.replace(/%/g, '%25')]);
    },
  );

  it('sends no field on a hit that nginx hides on a miss', async () => {
    const hidden = storedPage({}, ['Server', 'Apache'], ['X-Pad', 'avoid browser bug']);
    site.memcached.answer = (key) => ({ bytes: found(key, hidden), hang: true });
    const { headers } = await site.get('/a');
    expect(headers.filter(([name]) => /^(?:server|x-pad)$/i.test(name))).toEqual([['Server', 'nginx']]);
  });

  it('tells a stored 403 from one of nginx', async () => {
    site.memcached.answer = (key) => ({ bytes: found(key, storedPage({ status: 403 })), hang: true });
    const response = await site.get('/a');
    expect([response.status, response.body.toString()]).toEqual([403, 'stored']);
    expect([field(response, 'x-stored'), field(response, 'cache-status')]).toEqual(['yes', 'nginx; hit']);
  });

  it('serves what is stored under it', async () => {
    site.memcached.answer = (key) => ({ bytes: found(key, storedPage()), hang: true });
    const response = await site.get('/a');
    expect(response.body.toString()).toBe('stored');
    expect(field(response, 'x-stored')).toBe('yes');
    expect(field(response, 'content-type')).toBe('text/plain');
    expect(field(response, 'cache-status')).toBe('nginx; hit');
    expect(field(response, 'content-length')).toBe('6');
  });

  it.each([
    ['UTF-8', Buffer.from('caf\u00e9 \u{1f36a}').toString('latin1')],
    ['what is no UTF-8', 'caf\u00e9 \u00ff'],
  ])('sends header values as the bytes that they are: %s', async (_, value) => {
    const page = storedPage({}, ['X-Text', value], ['X-Text', 'plain'], ['X-After', 'yes']);
    site.memcached.answer = (key) => ({ bytes: found(key, page), hang: true });
    const response = await site.get('/a');
    expect(response.headers.filter(([name]) => name.toLowerCase() === 'x-text').map(([, text]) => text)).toEqual([
      value,
      'plain',
    ]);
    expect(field(response, 'x-after')).toBe('yes');
    expect(response.body.toString()).toBe('stored');
  });

  it.each(['/page_cache_stored', '//page_cache_stored', 'http://x/page_cache_stored', '/page_cache_stored?page:/a'])(
    'has nothing to show at %s',
    async (target) => {
      const asked: string[] = [];
      site.memcached.answer = (key) => {
        asked.push(key);
        return { bytes: 'END\r\n', hang: true };
      };
      const response = await site.get(target);
      expect(response.body.toString()).toBe('app');
      expect(asked.filter((key) => !key.startsWith('page:;response/page_cache_stored'))).toEqual([]);
    },
  );

  it.each(['page_cache_stored', '@page_cache_miss', '*'])('refuses %s as the target of a request', async (target) => {
    expect((await site.get(target)).status).toBe(400);
  });

  const nonsense: [string, (key: string) => Buffer | string][] = [
    ['nothing', () => ''],
    ['an error', () => 'SERVER_ERROR out of memory\r\n'],
    ['no protocol', () => 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['another key', () => found('other', storedPage())],
    ['no length', (key) => `VALUE ${key} 0 x\r\n`],
    ['an empty value', (key) => found(key, '')],
    ['a body', (key) => found(key, '<h1>a body</h1>')],
    ['no status', (key) => found(key, 'HTTP/1.1 OK\r\n\r\n')],
    ['half a status line', (key) => found(key, 'HTTP/1.1 2')],
  ];
  it.each(nonsense)('goes to the application when memcached answers %s', async (_, answer) => {
    for (const hang of [true, false]) {
      impatient.memcached.answer = (key) => ({ bytes: answer(key), hang });
      const response = await getInTime();
      if (response instanceof Error) throw response;
      expect(response.status).toBe(200);
      expect(response.body.toString()).toBe('app');
      expect(field(response, 'x-stored')).toBeUndefined();
      expect(field(response, 'cache-status')).toBeUndefined();
    }
  });

  it('never sends a part of a page, wherever memcached breaks off or stops', async () => {
    const value = gzipped();
    const end = value.indexOf('\r\n\r\n') + 4;
    const lengths = [0, 5, 12, 15, 17, 30, end - 10, end - 4, end - 1, end, end + 1, value.length - 1];
    for (const hang of [true, false]) {
      for (const length of lengths) {
        impatient.memcached.answer = (key) => ({ bytes: found(key, value, length), hang });
        const response = await getInTime('Accept-Encoding: gzip\r\n');
        if (response instanceof Error) {
          // srcache has put the fields that it read into the response, and nginx cannot take them out again.
          expect([flavour, response.message]).toEqual(['srcache', expect.stringMatching(/hung up after 0 bytes/)]);
          expect(length).toBeGreaterThanOrEqual('HTTP/1.1 200 OK\r\n'.length);
          continue;
        }
        expect(response.status).toBe(200);
        expect([length, response.body.toString()]).toEqual([length, 'app']);
        for (const name of ['x-stored', 'content-encoding', 'etag', 'cache-control', 'cache-status']) {
          expect(field(response, name)).toBeUndefined();
        }
      }
    }
  });

  it.each([
    ['no end', 'HTTP/1.1 200 OK\r\nX-Stored: yes\r\n'],
    ['no fields and no end', 'HTTP/1.1 200 OK\r\n'],
    // To nginx, and so to srcache, a line without a colon is a field without a value; njs looks at lines and colons only.
    flavour === 'njs'
      ? ['no field', 'HTTP/1.1 200 OK\r\nX-Stored\r\n\r\nbody']
      : ['a zero byte', 'HTTP/1.1 200 OK\r\nX-Stored: \0\r\n\r\n'],
  ])('does not serve a value with %s', async (_, value = '') => {
    site.memcached.answer = (key) => ({ bytes: found(key, value), hang: true });
    if (flavour === 'srcache') await expect(site.get('/a')).rejects.toThrow('hung up after 0 bytes');
    else expect(await site.get('/a')).toMatchObject({ status: 200, body: Buffer.from('app') });
  });

  it('knows preconditions to be for the application', async () => {
    site.memcached.answer = (key) => ({ bytes: found(key, storedPage()), hang: true });
    for (const condition of ['If-Match: "x"', 'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT']) {
      expect((await site.get('/a', `${condition}\r\n`)).body.toString()).toBe('app');
      expect(site.app.last).toContain(condition);
    }
  });

  it('sends a 404 that is stored, and says that it is a hit', async () => {
    site.memcached.answer = (key) => ({ bytes: found(key, storedPage({ status: 404 })), hang: true });
    const response = await site.get('/a');
    expect([response.status, response.body.toString()]).toEqual([404, 'stored']);
    expect(field(response, 'cache-status')).toBe('nginx; hit');
    // Only what would be 200 can be "not modified" (RFC 9110, section 13.2.1).
    expect((await site.get('/a', `If-None-Match: ${field(response, 'etag')}\r\n`)).status).toBe(404);
  });

  it.each([-100, 100])('says how old a page is that was made %i seconds from now', async (seconds) => {
    const made = new Date(Date.now() + seconds * 1000).toUTCString();
    site.memcached.answer = (key) => ({ bytes: found(key, storedPage({}, ['Date', made])), hang: true });
    const response = await site.get('/a');
    const [date, age] = [field(response, 'date') ?? '', field(response, 'age')];
    expect(response.headers.filter(([name]) => name === 'Date')).toHaveLength(1);
    if (flavour === 'srcache') expect([date, age]).toEqual([made, undefined]);
    else {
      if ((await njsVersion()) >= NJS_SETS_DATE) expect(date).toBe(made);
      else expect(Math.abs(Date.now() - Date.parse(date))).toBeLessThan(30_000);
      expect(Number(age)).toBeGreaterThanOrEqual(Math.max(0, -seconds));
      expect(Number(age)).toBeLessThan(Math.max(0, -seconds) + 30);
    }
  });

  it('does not say how old a page is whose age does not count', async () => {
    site.memcached.answer = (key) => ({ bytes: found(key, storedPage()), hang: true });
    const response = await site.get('/a');
    expect(field(response, 'age')).toBeUndefined();
    expect(Math.abs(Date.now() - Date.parse(field(response, 'date') ?? ''))).toBeLessThan(30_000);
  });

  it('reads the largest value there can be', async () => {
    const value = storedPage(
      { body: Buffer.alloc(1_000_000, 'x') },
      ['X-Long', 'x'.repeat(3900)],
      ['X-Long', 'y'.repeat(3900)],
    );
    site.memcached.answer = (key) => ({ bytes: found(key, value), hang: true });
    const response = await site.get('/a');
    expect(response.body).toHaveLength(1_000_000);
    expect(response.headers.filter(([name]) => name === 'X-Long').map(([, text]) => text[0])).toEqual(['x', 'y']);
  });
});
