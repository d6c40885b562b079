const { env } = process;

/** What differs from one machine to the next. Everything has a default that works on a laptop. */
export const settings = {
  port: Number(env['PORT'] ?? 3000),
  /** Feeds need absolute addresses. Never made from the Host header: a stored page would repeat a visitor's lie. */
  siteUrl: env['SITE_URL'] ?? 'http://localhost:8080',
  /** Addresses of memcached servers, separated by commas; without any, and without `pages`, pages are kept in this process. */
  memcached: env['MEMCACHED']?.split(',').filter(Boolean) ?? [],
  /** Directory in which pages are kept as files, instead of memcached. */
  pages: env['PAGES'],
  /** How nginx reads the pages: `memcached`, `srcache`, `njs`, `files`; without it, the plain way for where they are. */
  flavour: env['FLAVOUR'],
  /** File of the SQLite database; without it, the database lives in memory. */
  database: env['DATABASE'],
  editor: { name: env['EDITOR_NAME'] ?? 'demo', password: env['EDITOR_PASSWORD'] ?? 'demo' },
  reader: { name: env['READER_NAME'] ?? 'ann', password: env['READER_PASSWORD'] ?? 'ann' },
};
