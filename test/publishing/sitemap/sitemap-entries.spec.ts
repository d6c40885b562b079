import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sitemapEntries } from '../../../lib/publishing/sitemap/sitemap-entries.js';
import type { SitemapEntry } from '../../../lib/publishing/sitemap/sitemap-parser.js';
import { fc, SEED } from '../../support/random.js';

const NAMESPACES =
  'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"';
const urlset = (urls: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<urlset ${NAMESPACES}>${urls}</urlset>`;
const escaped = (text: string) => text.replace(/[&<>"']/g, (char) => `&#x${char.charCodeAt(0).toString(16)};`);

/** In pieces of so many bytes. */
async function* pieces(content: Uint8Array, size: number) {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function read(content: string | Uint8Array, size = 16_384): Promise<{ entries: SitemapEntry[]; error?: string }> {
  const entries: SitemapEntry[] = [];
  try {
    for await (const entry of sitemapEntries(pieces(Buffer.from(content), size))) entries.push(entry);
    return { entries };
  } catch (error) {
    return { entries, error: (error as Error).message };
  }
}

const page = (location: string) => ({ kind: 'page', location });

describe('the addresses in a sitemap', () => {
  it('are those of pages, their alternates, and nothing of extensions', async () => {
    const content = urlset(`
      <url><loc> https://example.com/a?b=1&amp;c=2 </loc><lastmod>2026-01-01</lastmod>
        <xhtml:link rel="alternate" hreflang="de" href="https://example.com/de/a"/>
        <xhtml:link rel="stylesheet" href="https://example.com/style.css"/>
        <image:image><image:loc>https://example.com/a.png</image:loc></image:image></url>
      <url><loc><![CDATA[https://example.com/c]]></loc></url>`);
    expect(await read(content)).toEqual({
      entries: [page('https://example.com/a?b=1&c=2'), page('https://example.com/de/a'), page('https://example.com/c')],
    });
  });

  it('are those of sitemaps in an index, whatever the prefix of its namespace is', async () => {
    const content =
      '<s:sitemapindex xmlns:s="x"><s:sitemap><s:loc>https://example.com/1.xml</s:loc></s:sitemap></s:sitemapindex>';
    expect(await read(content)).toEqual({ entries: [{ kind: 'sitemap', location: 'https://example.com/1.xml' }] });
  });

  it('are the lines of a list', async () => {
    expect(await read('\uFEFFhttps://example.com/a\r\n\nhttps://example.com/b')).toEqual({
      entries: [page('https://example.com/a'), page('https://example.com/b')],
    });
  });

  it('are read again from what was written, in whatever pieces it comes and whether it is packed', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        async (names, size, packs) => {
          const locations = names.map(
            (name) =>
              `https://example.com/${encodeURIComponent(name)}?ä='${name.replaceAll(/[^\p{L}\p{N} "&<>']/gu, '')}x`,
          );
          const content = Buffer.from(
            urlset(locations.map((one) => `<url><loc>${escaped(one)}</loc></url>`).join('\n')),
          );
          expect(await read(packs ? gzipSync(content) : content, size)).toEqual({ entries: locations.map(page) });
        },
      ),
      { seed: SEED, numRuns: 100 },
    );
  });
});

describe('a sitemap that is none', () => {
  it.each([
    ['a page', '<!doctype html><html><body></body></html>', /neither <urlset> nor <sitemapindex>/],
    [
      'an entity bomb',
      `<!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>${urlset('<url><loc>https://example.com/&b;</loc></url>')}`.replace(
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        '',
      ),
      /entity/,
    ],
    [
      'an external entity',
      '<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
      /entity/,
    ],
    ['deep', `<urlset>${'<a>'.repeat(1000)}`, /more than 32 levels/],
    [
      'crowded',
      `<urlset ${Array.from({ length: 100 }, (_, index) => `a${index}=""`).join(' ')}>`,
      /more than 32 attributes/,
    ],
    ['an endless address', `<urlset><url><loc>${'a'.repeat(100_000)}`, /more than 8192 characters/],
    ['an endless line', 'a'.repeat(100_000), /more than 8192 characters/],
    ['an endless comment', `<urlset><!--${'a'.repeat(200_000)}`, /buffer length/],
    ['empty', ' ', /empty/],
    [
      'in another encoding',
      Buffer.from(urlset('<url><loc>https://example.com/\xe4</loc></url>'), 'latin1'),
      /not valid/,
    ],
  ])('is refused when it is %s', async (_, content, error) => {
    const { entries, error: thrown } = await read(content);
    expect(thrown).toMatch(error);
    expect(entries).toEqual([]);
  });

  it('is refused when it unpacks to more than the protocol allows', async () => {
    const bomb = gzipSync(Buffer.alloc(60_000_000, ' '));
    expect(await read(bomb)).toEqual({ entries: [], error: 'it has more than 52428800 bytes' });
  });

  it('is read as far as it goes when it is cut off', async () => {
    const content = Buffer.from(
      urlset('<url><loc>https://example.com/a</loc></url><url><loc>https://example.com/b</loc></url>'),
    );
    for (const cut of [content.subarray(0, -30), gzipSync(content).subarray(0, -9)]) {
      const { entries, error } = await read(cut);
      expect(error).toEqual(expect.any(String));
      for (const entry of entries)
        expect([page('https://example.com/a'), page('https://example.com/b')]).toContainEqual(entry);
    }
  });

  it('never does anything but end or fail, whatever it is', async () => {
    const parts = fc.constantFrom(
      '<',
      '>',
      '<urlset>',
      '</urlset>',
      '<url>',
      '</url>',
      '<loc>',
      '</loc>',
      '<![CDATA[',
      ']]>',
      '<!--',
      '-->',
      '&amp;',
      '&x;',
      '<!DOCTYPE a [',
      ']>',
      '"',
      '/',
      'x',
      ' ',
      '\n',
      '\x1f\x8b',
    );
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(parts).map((all) => Buffer.from(`<urlset>${all.join('')}`)),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from([0x1f, 0x8b]), bytes])),
    );
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 20 }), async (bytes, size) => {
        expect(await read(bytes, size)).toHaveProperty('entries');
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});
