/**
 * `requestFields`: what it means for the cache that a request has a field.
 *
 * @publicApi
 */
export interface RequestFieldsOptions {
  /**
   * A request with one of these fields neither gets a stored page nor makes one, so handlers may read them. They are added to the fields that
   * clients and proxies use for credentials (`X-Api-Key`, `Remote-User`, `X-Auth-Request-Email`, …) and for parts of pages (`HX-Request`, …).
   */
  bypass?: readonly string[];
  /**
   * Fields that make no difference to the page. Anybody may read them, and they do not bypass the cache. `:remote-address`,
   * `:client-certificate` and `:tls` stand for what is known of the connection.
   */
  ignore?: readonly string[];
  /**
   * `key`: while a page is made, the application sees only the fields that are part of the key, and those of `ignore`. Use it for frameworks that
   * copy all fields, since copying counts as reading. It requires `hosts`. Default `all`: the application sees all fields, and reading one is noticed.
   */
  pass?: 'all' | 'key';
}
