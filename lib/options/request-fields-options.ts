/**
 * Options of `requestFields`: what a request field means for the cache.
 *
 * @example
 * { bypass: ['X-Preview'], ignore: ['X-Request-Id'] }
 *
 * @publicApi
 */
export interface RequestFieldsOptions {
  /**
   * A request with one of these fields gets no stored page and stores none, so handlers may read the fields. They are added to the fields
   * that clients and proxies use for credentials (`X-Api-Key`, `Remote-User`, `X-Auth-Request-Email`, …) and for parts of pages
   * (`HX-Request`, …).
   */
  bypass?: readonly string[];
  /**
   * Fields that make no difference to the page. All code may read them, and they do not bypass the cache. `:remote-address`,
   * `:client-certificate` and `:tls` stand for properties of the connection.
   */
  ignore?: readonly string[];
  /**
   * With `key`, the application sees only the fields that are part of the key, and those of `ignore`, while it renders a page. Use it for
   * frameworks that copy all fields, because copying counts as reading. It requires `hosts`. Default `all`: the application sees all
   * fields, and the module notices which ones it reads.
   */
  pass?: 'all' | 'key';
}
