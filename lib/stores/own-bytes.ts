/**
 * The bytes in memory of their own. As part of a larger buffer, they would keep all of that in memory: zlib's results lie in 16 KB, and what
 * `Buffer.from()` makes of a short text lies in 8 KB.
 */
export function ownBytes(bytes: Buffer): Buffer {
  if (bytes.length === bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}
