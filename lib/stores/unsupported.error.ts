/** A store is asked for what it never can do: trying again does not help. */
export class UnsupportedError extends TypeError {
  override readonly name = 'UnsupportedError';
}
