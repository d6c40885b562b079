/** Why a request or a response is kept out of the cache, and what settles it. */
export interface Reason {
  /** One sentence without its full stop. */
  readonly why: string;
  /** What to do, as an order; what begins with "nothing" says why nothing needs to be done. */
  readonly cure: string;
}

/**
 * Every word that `detail` of `Cache-Status` can be, besides those of listeners and `skipIf`. A word that ends with `-` begins many:
 * `status-404`. docs/what-is-cached.md lists the same words, and a test compares both.
 */
export const REASONS: Readonly<Record<string, Reason>> = {
  // By the request, in Nest and in nginx.
  method: { why: 'only a GET makes a page', cure: 'nothing: this is no request for a page' },
  upgrade: { why: 'the request asks for another protocol', cure: 'nothing: an upgrade is never a page' },
  'host-field': { why: 'the Host field names no host', cure: 'send a valid Host' },
  host: { why: 'the host is not in `hosts`', cure: 'add the host to `hosts`, or redirect it to one that is' },
  alias: {
    why: "the address is another spelling of the page's own",
    cure: 'link to the canonical address, or redirect to it; see `trailingSlash`',
  },
  'variant-': {
    why: 'the request or the response says another value of the variant than it allows, or two',
    cure: 'add the value to `values` of the variant, or send one of them',
  },
  'bypass-header': { why: 'the request has the right X-Page-Cache-Bypass', cure: 'leave the field out' },
  content: { why: 'the GET has content', cure: 'send the GET without content' },
  query: {
    why: 'a parameter is neither allowed nor ignored, has a value that is not allowed, or is there twice',
    cure: 'add it to `query.allow` if it changes the page, to `query.ignore` if not; `query` of @PageCache() counts too',
  },
  depth: { why: 'in files, a path has at most 16 segments', cure: 'shorten the path, or take another store' },
  'file-name': {
    why: 'the value of a parameter can be no name of a file',
    cure: 'leave `//` and `/../` out of the value',
  },
  'key-length': { why: 'the key is longer than 250 bytes', cure: 'shorten the address or `prefix`, or exclude it' },
  authorization: { why: 'the request has credentials', cure: 'nothing: such answers are private' },
  cookie: {
    why: 'a cookie may be that of a session',
    cure: "name the cookies of sessions: anonymousOnly: { sessionCookies: ['…'] }; or add the cookie to `ignoreCookies`",
  },
  credentials: {
    why: 'a field of the request may name the visitor',
    cure: 'nothing: such answers are private; `requestFields.ignore` for a field that makes no difference',
  },
  partial: {
    why: 'a script asks for a part of the page',
    cure: 'nothing: parts are not pages; `requestFields.ignore`, or a variant, if you want them stored',
  },
  'request-field': {
    why: '`requestFields.bypass` names a field of the request',
    cure: 'take it out of `requestFields.bypass`',
  },
  excluded: { why: '`exclude` matches the path', cure: 'change `exclude`' },
  'not-included': { why: 'nothing in `include` matches the path', cure: 'add the path to `include`' },
  // By the request, in Nest alone.
  range: {
    why: 'a part of the page was asked for',
    cure: 'ask for the whole page once: parts of it are served afterwards',
  },
  conditional: {
    why: 'the request has conditions, and the page is not stored',
    cure: 'ask without If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since once',
  },
  'key-drift': {
    why: 'nginx looked for another key than the application',
    cure: 'write the configuration again with `nginx-cache conf`, and reload nginx',
  },
  'other-configuration': {
    why: 'nginx, or a process that was started later, runs with other options',
    cure: 'write the configuration again with `nginx-cache conf`, reload nginx, and finish the deploy',
  },
  'other-version': { why: 'a process of another version was started later', cure: 'finish the deploy' },
  'other-servers': {
    why: 'a process with another list of servers was started later',
    cure: 'give all processes, and nginx, the same list of servers',
  },
  nginx: {
    why: 'nginx bypassed the cache where the application would not',
    cure: 'write the configuration again with `nginx-cache conf`, and reload nginx',
  },
  'no-page-cache': { why: 'the handler has @NoPageCache()', cure: 'remove @NoPageCache()' },
  'event-stream': { why: 'the handler sends a stream of events', cure: 'nothing: a stream has no end' },
  guarded: {
    why: 'a guard protects the handler',
    cure: 'add @PageCache({ public: true }) if everybody sees the same, or name a guard that lets everybody pass in `harmlessGuards`',
  },
  version: {
    why: 'the version of the API is not in the path',
    cure: 'use VersioningType.URI, or exclude the path',
  },
  'host-controller': { why: 'a controller answers by host, and `hosts` is not set', cure: 'set `hosts`' },
  'reads-': {
    why: 'the page was made from that field of the request',
    cure: 'do not read it; declare a variant if it changes the page, or `requestFields.ignore` if it does not',
  },
  'not-observed': {
    why: 'the module did not see the request from its beginning',
    cure: 'let Nest listen by itself, and import NginxCacheModule in the root module',
  },
  'skip-if': { why: '`skipIf` of @PageCache() says so', cure: 'change `skipIf`' },
  'no-handler': {
    why: 'no handler of Nest has answered: a static file, or 404',
    cure: 'nothing for a 404; let nginx serve static files',
  },
  // By the response.
  'status-': {
    why: 'the status is not among `statuses`',
    cure: 'add it to `statuses`, with a flavour that keeps it (srcache, njs)',
  },
  'x-accel': { why: 'the response orders nginx to send something else', cure: 'nothing: it is no page' },
  'location-host': {
    why: 'the response redirects to the host that the visitor has named',
    cure: 'set `hosts`, or redirect to a path',
  },
  'set-cookie': {
    why: 'the response sets a cookie',
    cure: 'set it elsewhere; `excuseCookies` if it means nothing',
  },
  'no-store': { why: 'Cache-Control of the response says no-store', cure: 'remove it, or set CDN-Cache-Control' },
  private: { why: 'Cache-Control of the response says private', cure: 'remove it, or set CDN-Cache-Control' },
  'no-cache': { why: 'Cache-Control of the response says no-cache', cure: 'remove it, or set CDN-Cache-Control' },
  vary: {
    why: 'the response varies on a field that is no variant',
    cure: 'declare a variant; `excuseVary` if the page is the same',
  },
  user: { why: 'the visitor is known: `user` is on the request', cure: 'nothing: the page may be theirs' },
  account: { why: 'the visitor is known: `account` is on the request', cure: 'nothing: the page may be theirs' },
  auth: { why: 'the visitor is known: `auth` is on the request', cure: 'nothing: the page may be theirs' },
  authInfo: { why: 'the visitor is known: `authInfo` is on the request', cure: 'nothing: the page may be theirs' },
  oidc: { why: 'the visitor is known to OpenID Connect', cure: 'nothing: the page may be theirs' },
  kauth: { why: 'the visitor is known to Keycloak', cure: 'nothing: the page may be theirs' },
  session: {
    why: 'the session of the visitor has content',
    cure: 'put nothing into the sessions of visitors who are not logged in',
  },
  'client-certificate': { why: 'the visitor has a certificate', cure: 'nothing: the page may be theirs' },
  'not-anonymous': { why: '`isAnonymous()` says no', cure: 'nothing if it is right; change `isAnonymous`' },
  exception: {
    why: 'the handler has thrown, and that has become a response below 400, or came after the first byte',
    cure: 'look for the error in the log of the application',
  },
  fragment: {
    why: 'the page contains a fragment, and nothing in `fragments` matches its path',
    cure: 'add the path to `fragments`',
  },
  'fragment-type': {
    why: '`fragments` matches the path, and the page is no HTML',
    cure: 'take the path out of `fragments`, which is for text/html',
  },
  nonce: { why: 'the CSP of the page has a nonce, which is for one visitor', cure: 'use hashes instead of nonces' },
  'csrf-token': { why: 'the response has a CSRF token, which is for one visitor', cure: 'fetch the token by a script' },
  'allow-origin': {
    why: 'Access-Control-Allow-Origin repeats the Origin of the request',
    cure: 'allow `*` or one origin, or declare a variant on Origin',
  },
  'host-in-page': { why: 'the page shows the host of the request, and `hosts` is not set', cure: 'set `hosts`' },
  stale: {
    why: 'the response says that it is stale: max-age=0, or Expires in the past',
    cure: 'say how long the page is fresh, or set CDN-Cache-Control, or respectCacheControl: false',
  },
  'inner-cache': {
    why: 'CacheInterceptor has answered (X-Cache: HIT), with what may be older than a purge',
    cure: 'take CacheInterceptor off the handler, or the page cache: @NoPageCache()',
  },
  'no-freshness': {
    why: "the response says nothing of its freshness, and respectCacheControl is 'required'",
    cure: 'set Cache-Control: max-age, or respectCacheControl: true',
  },
  'header-': {
    why: 'nginx would lose the field, or add one that this page does not have',
    cure: 'send it with every page (`nginx.headers`), let it be lost (`excuseHeaders`), or take the flavour srcache or njs',
  },
  'content-type': {
    why: 'nginx would send the page with another content type',
    cure: 'set `nginx.contentTypes` for its path or `nginx.contentType` for all, or take the flavour srcache or njs',
  },
  empty: { why: 'there is nothing in the response', cure: 'nothing: an empty response is no page' },
  size: { why: 'the page is larger than `maxPageBytes`', cure: "raise `maxPageBytes`, and memcached's -I" },
  aborted: {
    why: 'the visitor left, or the handler gave up, before the end',
    cure: 'nothing: the next visitor makes it',
  },
  truncated: {
    why: 'the length is another than Content-Length says',
    cure: 'send as many bytes as Content-Length says, or leave it out',
  },
  'content-encoding': {
    why: 'the content coding is unknown, or the content damaged',
    cure: 'compress with gzip, br or deflate, or leave it to nginx',
  },
  'listener-error': { why: 'a listener has thrown', cure: 'look for the error in the log of the application' },
  purged: { why: 'the page was purged while it was rendered', cure: 'nothing: the next visitor makes it' },
  'not-shared-': {
    why: 'the path is in `shared`, and the page cannot be stored for the reason that follows, so the visitor has got an answer of his own',
    cure: 'look the reason up; where pages are not for everybody, take their paths out of `shared`',
  },
  // By the store.
  refreshed: {
    why: 'refresh() or publish() renders the page again at the moment',
    cure: 'nothing: the new page is on its way',
  },
  superseded: { why: 'another rendering of the page was stored meanwhile', cure: 'nothing: the page is stored' },
  'purges-unknown': {
    why: 'nobody knows what was purged while the page was rendered: memcached was restarted or flushed, or the page took long',
    cure: 'nothing if it is rare; give memcached more memory (-m), and make pages faster',
  },
  'purge-pending': {
    why: 'the store has not acknowledged a purge of this process yet',
    cure: 'make the store reachable: the purge is tried again until it has it',
  },
  evicted: {
    why: 'the page has gone from memcached right after it was stored',
    cure: 'give memcached more memory (-m)',
  },
  'store-down': { why: 'the store did not answer', cure: 'look at the log of the application, and at memcached' },
  'store-busy': {
    why: 'more pages wait to be written than the store can take',
    cure: 'use a faster disk, or make fewer pages',
  },
  'store-failed': {
    why: 'the store has refused the page',
    cure: 'look at the log of the application, and at the store',
  },
  shutdown: { why: 'the application ends', cure: 'nothing: the next process makes it' },
};

const FAMILIES = Object.keys(REASONS).filter((word) => word.endsWith('-'));

/** @returns `undefined` for what a listener, `skipIf` or the application says */
export function reasonOf(word: string): Reason | undefined {
  const known = isWord(word) ? word : undefined;
  const name = known ?? FAMILIES.find((family) => word.startsWith(family));
  return name === undefined ? undefined : REASONS[name];
}

/** Whether it is exactly one of the words: of those that others begin with, there is no end. */
export function isWord(reason: string): boolean {
  return Object.hasOwn(REASONS, reason) && !reason.endsWith('-');
}
