/** A library that reads request fields, but makes no page from them. */
export interface HarmlessReader {
  /** Its name below `node_modules`. */
  readonly package: string;
  /** Only these of its files, as the end of their paths. */
  readonly files?: RegExp;
  /** Whether the application may call it from a handler, and be called by it: everything that it reads goes into a log. */
  readonly isLog?: true;
  /** What it has read is harmless only if the response has this field, which another policy judges. */
  readonly shownIn?: string;
  /** It puts what it has read on the request, under these names. Code that reads such a name has read the inputs. */
  readonly copies?: Readonly<Record<string, readonly string[]>>;
}

const LOGS = [
  'pino',
  'pino-std-serializers',
  '@pinojs/redact',
  'fast-redact',
  'winston',
  'logform',
  'bunyan',
  'log4js',
];

/** Middleware that writes logs. It also makes request ids with functions of the application, and what those read counts. */
const LOG_MIDDLEWARE = ['pino-http', 'nestjs-pino', 'nest-winston', 'express-winston'];

const ADDRESS = [':remote-address', 'x-forwarded-for'];

/** Visitors who ask too often get 429, which is no page. */
const RATE_LIMITERS = ['@nestjs/throttler', '@fastify/rate-limit'];

/** They look whether the connection is secure before they set a cookie, and a page that comes with a cookie is not stored. */
const SESSIONS = ['express-session', 'cookie-session', '@fastify/session', '@fastify/secure-session'];

/** They decide how the content is packed, and pages are stored unpacked. */
const COMPRESSION = ['compression', '@fastify/compress'];

/** They answer `*`, or they say `Vary: Origin`. If they say nothing, they might say something to another origin. */
const CORS = ['cors', '@fastify/cors'];

export const HARMLESS_READERS: readonly HarmlessReader[] = [
  ...LOGS.map((name) => ({ package: name, isLog: true as const })),
  ...[...LOG_MIDDLEWARE, ...RATE_LIMITERS, ...SESSIONS, ...COMPRESSION].map((name) => ({ package: name })),
  ...CORS.map((name) => ({ package: name, shownIn: 'access-control-allow-origin' })),
  // They put the key of the visitor there, and how often they have come.
  { package: 'express-rate-limit', copies: { rateLimit: ADDRESS } },
  { package: 'express-slow-down', copies: { slowDown: ADDRESS } },
  { package: 'morgan', copies: { _remoteAddress: ADDRESS } },
  // It makes these for middleware written for Express.
  {
    package: '@fastify/middie',
    copies: { ip: ADDRESS, ips: ADDRESS, hostname: ['host', 'x-forwarded-host'], protocol: ['x-forwarded-proto'] },
  },
  // Its log of requests.
  { package: 'fastify', files: /\/lib\/(?:logger-\w+|log-controller)\.js$/, isLog: true },
];

/** Files that read what their caller asks for. */
export const HELPERS =
  /\/node_modules\/(?:(?:express|fastify)\/lib\/request\.js|(?:proxy-addr|forwarded|@fastify\/proxy-addr|@fastify\/forwarded|accepts|@fastify\/accepts|negotiator|@fastify\/accept-negotiator|type-is|content-type|fresh|request-ip)\/)/;
