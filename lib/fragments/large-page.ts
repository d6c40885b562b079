import type { ServerResponse } from 'node:http';
import { pipeline, Transform, Writable } from 'node:stream';
import { isDecodable, recoders } from '../http/codings.js';
import { markedPieces, unfinishedMarker } from './fragment-marker.js';
import type { Outlet } from './outlet.js';
import { isPlace } from './page-pieces.js';

/**
 * Sends a page on that is too large to be held: with the fallbacks in place of its fragments, and in the content coding that it came in. A
 * page in an unknown coding goes on as it is.
 *
 * @param own writes the response
 * @param end is called when all of it is written
 */
export function largePage(response: ServerResponse, own: Outlet, coding: string, end: () => void): Writable {
  const { undo, redo } = (response.req.method === 'HEAD' ? undefined : recoders(coding)) ?? {};
  const fill = isDecodable(coding) ? withFallbacks() : undefined;
  const ways = [undo, fill, redo].filter((way) => way !== undefined);
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      own.write.call(response, chunk);
      if (response.writableNeedDrain) response.once('drain', () => done());
      else done();
    },
    final(done) {
      end();
      done();
    },
  });
  const [first = sink] = ways;
  if (ways.length > 0) {
    pipeline([...ways, sink], (error) => {
      if (error) response.destroy(error);
    });
  }
  first.on('drain', () => response.emit('drain'));
  response.once('close', () => first.destroy());
  return first;
}

function withFallbacks(): Transform {
  let rest = Buffer.alloc(0);
  const filled = (html: Buffer) =>
    Buffer.concat(markedPieces(html).map((piece) => (isPlace(piece) ? Buffer.from(piece.fallback) : piece)));
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const all = Buffer.concat([rest, chunk]);
      const end = unfinishedMarker(all);
      rest = all.subarray(end);
      done(null, filled(all.subarray(0, end)));
    },
    flush(done) {
      done(null, filled(rest));
    },
  });
}
