import { inspect, type InspectOptions } from 'node:util';

/** One readable line, however much was given. */
const SHORT: InspectOptions = {
  depth: 1,
  breakLength: Infinity,
  compact: true,
  maxArrayLength: 5,
  maxStringLength: 200,
};

/**
 * A wrong option of the module, of a store or of a decorator. It is thrown when the module, store or decorator is created.
 *
 * @example
 * // The message says what was given and what is allowed:
 * // ttl: '5m' is not possible; it must be a number of milliseconds, 0 for "until purged"
 *
 * @publicApi
 */
export class NginxCacheConfigError extends TypeError {
  override readonly name = 'NginxCacheConfigError';

  /**
   * @param option the option, as a path: `query.allow.0`
   * @param given what was given
   * @param allowed what is allowed, as the end of a sentence that begins with "it must be"
   * @param wrong what is wrong, as the part of the message before "it must be"
   */
  constructor(
    readonly option: string,
    readonly given: unknown,
    readonly allowed: string,
    wrong = `${option}: ${inspect(given, SHORT)} is not possible; it must be`,
  ) {
    super(`${wrong} ${allowed}`);
  }
}
