import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

const gzip = promisify(zlib.gzip);
const gunzip = promisify(zlib.gunzip);
const inflate = promisify(zlib.inflate);
const brotliDecompress = promisify(zlib.brotliDecompress);

/** Node has these since version 22.15. */
interface Zstd {
  readonly zstdDecompress?: typeof zlib.brotliDecompress;
  readonly createZstdCompress?: () => Transform;
  readonly createZstdDecompress?: () => Transform;
}
const { zstdDecompress, createZstdCompress, createZstdDecompress } = zlib as Zstd;

/** Below this, gzip saves less than the fields that it needs. In bytes. */
export const WORTH_COMPRESSING = 1000;

/**
 * Up to this size, content is packed at once, in bytes. Handing it to another thread and back takes about as long as packing it (30 KB: 0.1 ms),
 * and costs twice the CPU time.
 */
const PACKED_AT_ONCE = 65_536;

/**
 * The compression level. From 4 on, zlib looks for the best of several matches. Level 3 packed 40 pages of documentation to 23.4 % of their size,
 * and level 6 to 21.7 %, in 1.6 times the time. On lists, level 6 took 2.5 times as long for the same size. The level never changes: the same page
 * must have the same bytes under its strong `ETag`.
 */
const LEVEL = 3;

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

/** The content codings that can be undone (RFC 9110, section 8.4.1), by their names in lower case. */
const DECODERS: Readonly<Record<string, Decoder>> = {
  '': async (body) => body,
  identity: async (body) => body,
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: inflate,
  br: brotliDecompress,
  ...(zstdDecompress && { zstd: promisify(zstdDecompress) }),
};

/** The default is the highest quality, which takes a second for a megabyte. */
const BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };

const gzipAgain = () => ({ undo: zlib.createGunzip(), redo: zlib.createGzip({ level: LEVEL }) });
const RECODERS: Readonly<Record<string, () => { undo: Transform; redo: Transform }>> = {
  gzip: gzipAgain,
  'x-gzip': gzipAgain,
  deflate: () => ({ undo: zlib.createInflate(), redo: zlib.createDeflate({ level: LEVEL }) }),
  br: () => ({ undo: zlib.createBrotliDecompress(), redo: zlib.createBrotliCompress(BROTLI) }),
  ...(createZstdDecompress &&
    createZstdCompress && { zstd: () => ({ undo: createZstdDecompress(), redo: createZstdCompress() }) }),
};

/** Whether `decode()` knows a coding. */
export function isDecodable(coding: string): boolean {
  return Object.hasOwn(DECODERS, coding.trim().toLowerCase());
}

/**
 * Undoes a content coding.
 *
 * @param limit the size of the largest result, in bytes
 * @returns the content; or why there is none: the coding is unknown or the data damaged ('content-encoding'), or the result too large ('size')
 */
export async function decode(
  body: Buffer,
  coding: string,
  limit: number,
): Promise<Buffer | 'content-encoding' | 'size'> {
  if (!isDecodable(coding)) return 'content-encoding';
  try {
    return await DECODERS[coding.trim().toLowerCase()]!(body, { maxOutputLength: limit });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'size' : 'content-encoding';
  }
}

/**
 * Streams that undo a content coding, and do it again.
 *
 * @returns `undefined` when there is no coding to undo, or when `decode()` does not know it
 */
export function recoders(coding: string): { undo: Transform; redo: Transform } | undefined {
  const name = coding.trim().toLowerCase();
  return Object.hasOwn(RECODERS, name) ? RECODERS[name]!() : undefined;
}

/** @returns `undefined` when it is not worth compressing */
export async function compress(body: Buffer): Promise<Buffer | undefined> {
  if (body.length < WORTH_COMPRESSING) return undefined;
  const packed =
    body.length <= PACKED_AT_ONCE ? zlib.gzipSync(body, { level: LEVEL }) : await gzip(body, { level: LEVEL });
  return packed.length < body.length ? packed : undefined;
}
