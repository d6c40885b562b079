/** A store is asked for what it never can do: trying again does not help. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
}
