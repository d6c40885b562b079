import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { inTurns } from '../../async/in-turns.js';
import { type SitemapEntry, type SitemapParser, TextSitemapParser, XmlSitemapParser } from './sitemap-parser.js';

/** The protocol allows no more bytes than this in one file, unpacked. */
const MAX_BYTES = 52_428_800;
/** How many bytes are read in one turn of the event loop. This takes a few milliseconds. */
const IN_ONE_TURN = 16_384;

/**
 * The addresses in a sitemap: XML or a list, packed with gzip or not, whatever its name says.
 *
 * @throws {Error} when it is malformed or larger than the protocol allows, but only after the addresses before that point
 */
export async function* sitemapEntries(
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<SitemapEntry, void, undefined> {
  let parser: SitemapParser | undefined;
  for await (const text of inTurns(texts(unpacked(content)), 1)) {
    const rest = parser ? text : text.trimStart();
    if (rest === '') continue;
    parser ??= rest.startsWith('<') ? new XmlSitemapParser() : new TextSitemapParser();
    yield* parser.write(rest);
  }
  if (!parser) throw new Error('it is empty');
  yield* parser.end();
}

/** The content tells whether a file is packed: a file may have been unpacked or packed on its way, and kept its name. */
async function* unpacked(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = content[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let length = 0; length < 2;) {
    const next = await chunks.next();
    if (next.done) break;
    head.push(next.value);
    length += next.value.length;
  }
  const [first, second] = Buffer.concat(head);
  async function* whole() {
    yield* head;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  // RFC 1952, section 2.3.1.
  if (first !== 0x1f || second !== 0x8b) return yield* whole();
  const packed = Readable.from(whole());
  const gunzip = createGunzip();
  packed.on('error', (error) => gunzip.destroy(error));
  try {
    yield* packed.pipe(gunzip) as AsyncIterable<Buffer>;
  } finally {
    packed.destroy();
    gunzip.destroy();
  }
}

async function* texts(content: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  // The protocol knows no other encoding.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    for (let start = 0; start < chunk.length; start += IN_ONE_TURN) {
      yield decoder.decode(chunk.subarray(start, start + IN_ONE_TURN), { stream: true });
    }
  }
  yield decoder.decode();
}
