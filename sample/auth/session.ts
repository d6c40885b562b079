import { randomBytes } from 'node:crypto';
import type { RequestHandler } from 'express';
import session from 'express-session';
import { SESSION_COOKIE } from './session-cookie.js';

declare module 'express-session' {
  interface SessionData {
    user: { id: number; name: string; isEditor: boolean };
  }
}

/** Sessions live in this process, so the secret may be made at each start. */
export function sessions(): RequestHandler {
  return session({
    name: SESSION_COOKIE,
    secret: randomBytes(32).toString('hex'),
    resave: false,
    // An anonymous visitor gets no cookie: with one, no page of theirs could be stored.
    saveUninitialized: false,
    // Lax keeps the cookie off POSTs that come from other sites (CSRF).
    cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto' },
  });
}
