/** A place in a page that is filled for each visitor. */
export interface FragmentPlace {
  /** The address of the fragment, with its parameters. */
  readonly address: string;
  /** What is shown when there is no fragment. */
  readonly fallback: string;
  /** Where nginx looks for the fragment first, if it is the same for everybody. */
  readonly stored?: string;
}

/** A place in a page where each response has its own nonce. */
export const NONCE = 'nonce';

/** A page, cut at its fragments and nonces: HTML, which is sent as it is, and places. */
export type PagePieces = readonly (Buffer | FragmentPlace | typeof NONCE)[];

/** A page as a handler has written it, cut at its fragments. */
export type MarkedPieces = readonly (Buffer | FragmentPlace)[];

/** Cuts a page where a pattern matches. The pattern is matched against bytes (latin1). */
export function cut<T>(body: Buffer, pattern: RegExp, pieceOf: (match: RegExpExecArray) => T): (Buffer | T)[] {
  const pieces: (Buffer | T)[] = [];
  const text = body.toString('latin1');
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) pieces.push(body.subarray(end, match.index));
    pieces.push(pieceOf(match));
    end = match.index + match[0].length;
  }
  if (end < body.length) pieces.push(body.subarray(end));
  return pieces;
}

export function isPlace(piece: PagePieces[number]): piece is FragmentPlace {
  return piece !== NONCE && !(piece instanceof Uint8Array);
}
