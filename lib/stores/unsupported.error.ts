/** A store was asked for something that it can never do, so trying again does not help. */
export class UnsupportedError extends TypeError {
  override readonly name = 'UnsupportedError';
}
