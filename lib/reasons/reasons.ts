/** Why a request bypasses the cache, or why a response is not stored, and what to do about it. */
export interface Reason {
  /** One sentence without the full stop. */
  readonly why: string;
  /** What to do. If it begins with "nothing", it says why there is nothing to do. */
  readonly cure: string;
}

/**
 * Every word that can be the `detail` of `Cache-Status`, except those of listeners and `skipIf`. A word that ends with `-` is the beginning of
 * many, such as `status-404`. docs/what-is-cached.md lists the same words, and a test compares both.
 */
export const REASONS: Readonly<Record<string, Reason>> = {
  // By the request, in Nest and in nginx.
  method: { why: 'only a GET makes a page', cure: 'nothing: the request is not for a page' },
  upgrade: { why: 'the request asks for another protocol', cure: 'nothing: an upgrade is never a page' },
  'host-field': { why: 'the Host field does not contain a valid host', cure: 'send a valid Host' },
  host: { why: 'the host is not in `hosts`', cure: 'add the host to `hosts`, or redirect it to one that is' },
  alias: {
    why: "the address is another spelling of the page's own",
    cure: 'link to the canonical address, or redirect to it; see `trailingSlash`',
  },
  'variant-': {
    why: 'the value of the variant, in the request or the response, is not allowed, or there are two',
    cure: 'add the value to the `values` of the variant, or send one of those',
  },
  'bypass-header': { why: 'the request has the right X-Page-Cache-Bypass', cure: 'leave the field out' },
  content: { why: 'the GET has content', cure: 'send the GET without content' },
  query: {
    why: 'a query parameter is neither allowed nor ignored, has a value that is not allowed, occurs twice, or is not read by the handler',
    cure: 'add it to `query.allow` if it changes the page, or to `query.ignore` if it does not; if the handler has @PageCache({ query }), add it there, too',
  },
  depth: {
    why: 'the path has more than 16 segments, which the files store does not allow',
    cure: 'shorten the path, or use another store',
  },
  'file-name': {
    why: 'the value of a query parameter cannot be the name of a file',
    cure: 'remove `//` and `/../` from the value',
  },
  'key-length': { why: 'the key is longer than 250 bytes', cure: 'shorten the address or `prefix`, or exclude it' },
  authorization: { why: 'the request has credentials', cure: 'nothing: such responses are private' },
  cookie: {
    why: 'the request has a cookie that may belong to a session',
    cure: "list your session cookies (anonymousOnly: { sessionCookies: ['…'] }), or add the cookie to `ignoreCookies`",
  },
  credentials: {
    why: 'a field of the request may identify the visitor',
    cure: 'nothing: such responses are private; or add the field to `requestFields.ignore` if it makes no difference',
  },
  partial: {
    why: 'a script requests a part of the page',
    cure: 'nothing: a part is not a page; to store it, declare a variant, or use `requestFields.ignore`',
  },
  'request-field': {
    why: '`requestFields.bypass` names a field of the request',
    cure: 'remove it from `requestFields.bypass`',
  },
  excluded: { why: '`exclude` matches the path', cure: 'change `exclude`' },
  'not-included': { why: 'nothing in `include` matches the path', cure: 'add the path to `include`' },
  // By the request, only in Nest.
  range: {
    why: 'the request is for a part of the page',
    cure: 'request the whole page once; then nginx serves parts of it',
  },
  conditional: {
    why: 'the request has conditions, and the page is not stored',
    cure: 'request it once without If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since',
  },
  'key-drift': {
    why: 'nginx looked up a different key from the one that the application uses',
    cure: 'write the configuration again with `nginx-cache conf`, and reload nginx; if the options are the same, look for a `rewrite` in nginx',
  },
  'other-configuration': {
    why: 'nginx, or a process that started later, runs with other options',
    cure: 'write the configuration again with `nginx-cache conf`, reload nginx, and finish the deploy',
  },
  'other-version': { why: 'a process of another version started later', cure: 'finish the deploy' },
  'other-servers': {
    why: 'a process with another list of servers started later',
    cure: 'give nginx and all processes the same list of servers',
  },
  nginx: {
    why: 'nginx bypassed the cache, but the application would not have',
    cure: 'write the configuration again with `nginx-cache conf`, and reload nginx',
  },
  'no-page-cache': { why: 'the handler has @NoPageCache()', cure: 'remove @NoPageCache()' },
  'event-stream': { why: 'the handler sends server-sent events', cure: 'nothing: a stream of events has no end' },
  guarded: {
    why: 'a guard protects the handler',
    cure: 'add @PageCache({ public: true }) if everybody sees the same page, or add a guard that lets everybody pass to `harmlessGuards`',
  },
  version: {
    why: 'the version of the API is not in the path',
    cure: 'use VersioningType.URI, or exclude the path',
  },
  'host-controller': { why: 'a controller is bound to a host, and `hosts` is not set', cure: 'set `hosts`' },
  'reads-': {
    why: 'the application read this field of the request',
    cure: 'do not read it; or declare a variant if it changes the page; or add it to `requestFields.ignore` if it does not',
  },
  'not-observed': {
    why: 'the module did not see the request from the beginning',
    cure: 'call listen() of the Nest application, and import NginxCacheModule in the root module',
  },
  'skip-if': { why: '`skipIf` of @PageCache() returned true', cure: 'change `skipIf`' },
  'no-handler': {
    why: 'the response does not come from a Nest handler: it is a static file or a 404',
    cure: 'nothing for a 404; let nginx serve static files',
  },
  // By the response.
  'status-': {
    why: 'the status is not among `statuses`',
    cure: 'add it to `statuses`, and use a flavour that stores it (srcache or njs)',
  },
  'x-accel': {
    why: 'the response has an X-Accel field, which tells nginx to send something else',
    cure: 'nothing: the response is not a page',
  },
  'location-host': {
    why: 'the response redirects to the host that the request named',
    cure: 'set `hosts`, or redirect to a path',
  },
  'set-cookie': {
    why: 'the response sets a cookie',
    cure: 'set it in another response, or add it to `excuseCookies` if it makes no difference',
  },
  'no-store': { why: 'Cache-Control of the response says no-store', cure: 'remove it, or set CDN-Cache-Control' },
  private: { why: 'Cache-Control of the response says private', cure: 'remove it, or set CDN-Cache-Control' },
  'no-cache': { why: 'Cache-Control of the response says no-cache', cure: 'remove it, or set CDN-Cache-Control' },
  vary: {
    why: 'the response has Vary with a field that is not a variant',
    cure: 'declare a variant, or add the field to `excuseVary` if the page is always the same',
  },
  user: { why: 'the visitor is known: `user` is on the request', cure: 'nothing: the page may be theirs' },
  account: { why: 'the visitor is known: `account` is on the request', cure: 'nothing: the page may be theirs' },
  auth: { why: 'the visitor is known: `auth` is on the request', cure: 'nothing: the page may be theirs' },
  authInfo: { why: 'the visitor is known: `authInfo` is on the request', cure: 'nothing: the page may be theirs' },
  oidc: { why: 'the visitor is known to OpenID Connect', cure: 'nothing: the page may be theirs' },
  kauth: { why: 'the visitor is known to Keycloak', cure: 'nothing: the page may be theirs' },
  ntlm: { why: 'the visitor is known to express-ntlm', cure: 'nothing: the page may be theirs' },
  sso: { why: 'the visitor is known to node-expose-sspi', cure: 'nothing: the page may be theirs' },
  session: {
    why: 'the session of the visitor has content',
    cure: 'put nothing into the sessions of visitors who are not logged in',
  },
  'client-certificate': { why: 'the visitor has a certificate', cure: 'nothing: the page may be theirs' },
  'not-anonymous': { why: '`isAnonymous()` says no', cure: 'nothing if it is right; change `isAnonymous`' },
  exception: {
    why: 'the handler threw an error, but the status is below 400, or the response had already begun',
    cure: 'look for the error in the log of the application',
  },
  next: {
    why: 'the handler called next(), and another handler sent the response',
    cure: 'send the response in the first handler, or call next() in middleware instead',
  },
  fragment: {
    why: 'the page contains a fragment, and nothing in `fragments` matches its path',
    cure: 'add the path to `fragments`',
  },
  'fragment-type': {
    why: '`fragments` matches the path, but the page is not HTML',
    cure: 'remove the path from `fragments`, which is only for text/html',
  },
  nonce: {
    why: 'the CSP of the page has a nonce, which is for one visitor',
    cure: 'make it with pageNonce() for each request, and list the path in `fragments`; or use hashes',
  },
  'csrf-token': {
    why: 'the response has a CSRF token, which is for one visitor',
    cure: 'put the token into a fragment, or fetch it with a script',
  },
  'allow-origin': {
    why: 'Access-Control-Allow-Origin repeats the Origin of the request',
    cure: 'allow `*` or one origin, or declare a variant on Origin',
  },
  'host-in-page': { why: 'the page shows the host of the request, and `hosts` is not set', cure: 'set `hosts`' },
  stale: {
    why: 'the response says that it is stale: max-age=0, or Expires in the past',
    cure: 'send a max-age, or CDN-Cache-Control, or set respectCacheControl: false',
  },
  'inner-cache': {
    why: 'the response comes from CacheInterceptor (X-Cache: HIT) and may be older than a purge',
    cure: 'remove CacheInterceptor from the handler, or add @NoPageCache()',
  },
  'no-freshness': {
    why: "the response does not say how long it is fresh, and respectCacheControl is 'required'",
    cure: 'send Cache-Control: max-age, or set respectCacheControl: true',
  },
  'header-': {
    why: 'a hit would lack this field, or have it although this page does not',
    cure: 'send it with every page (`nginx.headers`), or accept that hits lack it (`excuseHeaders`), or use the flavour srcache or njs',
  },
  'content-type': {
    why: 'nginx would send the page with another content type',
    cure: 'set `nginx.contentTypes` for its path or `nginx.contentType` for all, or use the flavour srcache or njs',
  },
  empty: { why: 'the response is empty', cure: 'nothing: an empty response is not a page' },
  size: { why: 'the page is larger than `maxPageBytes`', cure: 'raise `maxPageBytes`, and -I of memcached' },
  aborted: {
    why: 'the visitor left, or the handler stopped, before the response was complete',
    cure: 'nothing: the next request renders the page',
  },
  truncated: {
    why: 'the length differs from Content-Length',
    cure: 'send the right Content-Length, or none',
  },
  'content-encoding': {
    why: 'the content coding is unknown, or the content is damaged',
    cure: 'compress with gzip, br, deflate or zstd (Node 22.15 or newer), or let nginx compress',
  },
  'listener-error': { why: 'a listener threw an error', cure: 'look for the error in the log of the application' },
  purged: {
    why: 'the page was purged while it was rendered',
    cure: 'nothing if it is rare: the next request renders the page; otherwise find out what purges it',
  },
  'not-shared-': {
    why: 'the path is in `shared`, but the page cannot be stored for the reason that follows, so the visitor got a response of their own',
    cure: 'look up that reason; if the page is not for everybody, remove its path from `shared`',
  },
  // By the store.
  refreshed: {
    why: 'refresh() or publish() is rendering the page again',
    cure: 'nothing: the new page will be stored in a moment',
  },
  superseded: { why: 'another rendering of the page was stored in the meantime', cure: 'nothing: the page is stored' },
  'purges-unknown': {
    why: 'it is unknown what was purged while the page was rendered: memcached was restarted or flushed, or the rendering took too long',
    cure: 'nothing if it is rare; otherwise give memcached more memory (-m), and render pages faster',
  },
  'purge-pending': {
    why: 'the store has not yet acknowledged a purge of this process',
    cure: 'make the store reachable: the purge is repeated until the store acknowledges it',
  },
  evicted: {
    why: 'memcached dropped the page right after it was stored',
    cure: 'give memcached more memory (-m)',
  },
  'store-down': { why: 'the store did not answer', cure: 'look at the log of the application, and at memcached' },
  'store-busy': {
    why: 'more pages wait to be written than the store can take',
    cure: 'use a faster disk, or render fewer pages at once',
  },
  'store-failed': {
    why: 'the store refused the page',
    cure: 'look at the log of the application, and at the store',
  },
  shutdown: { why: 'the application is shutting down', cure: 'nothing: the next process renders the page' },
};

const FAMILIES = Object.keys(REASONS).filter((word) => word.endsWith('-'));

/** @returns `undefined` for the words of a listener, `skipIf` or the application */
export function reasonOf(word: string): Reason | undefined {
  const known = isWord(word) ? word : undefined;
  const name = known ?? FAMILIES.find((family) => word.startsWith(family));
  return name === undefined ? undefined : REASONS[name];
}

/** Whether it is exactly one of the words, and not one that begins with a word that ends with `-`. */
export function isWord(reason: string): boolean {
  return Object.hasOwn(REASONS, reason) && !reason.endsWith('-');
}
