/**
 * A memcached server did not carry out an operation, or it is unknown whether it did.
 *
 * @publicApi
 */
export class MemcachedError extends Error {
  override readonly name = 'MemcachedError';

  /**
   * @param server address, e.g. `127.0.0.1:11211`
   * @param operation `get`, `set`, `delete`, `list` or `connect`
   * @param reason what happened, in words
   */
  constructor(
    readonly server: string,
    readonly operation: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`memcached ${server}: ${operation} failed: ${reason}`, options);
  }
}
