import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import session, { type SessionData, Store } from 'express-session';
import type { Platform } from '../../support/applications.js';

const SECRET = 'a secret of at least thirty-two characters';

declare module 'express-session' {
  interface SessionData {
    name?: string;
  }
}

type Done = (error?: unknown, data?: SessionData | null) => void;

/** A session store that counts who asks it. */
export class CountingStore extends Store {
  reads = 0;
  readonly #sessions = new Map<string, SessionData>();

  get size(): number {
    return this.#sessions.size;
  }

  override get(id: string, done: Done): void {
    this.reads += 1;
    done(null, this.#sessions.get(id) ?? null);
  }

  override set(id: string, data: SessionData, done?: Done): void {
    this.#sessions.set(id, data);
    done?.();
  }

  override destroy(id: string, done?: Done): void {
    this.#sessions.delete(id);
    done?.();
  }
}

/** Real sessions, those of the platform. */
export async function useSessions(app: INestApplication, platform: Platform, store: CountingStore): Promise<void> {
  if (platform === 'express') {
    app.use(session({ secret: SECRET, store, resave: false, saveUninitialized: false, name: 'sid' }));
    return;
  }
  const fastify = app as NestFastifyApplication;
  await fastify.register(fastifyCookie);
  await fastify.register(fastifySession, {
    secret: SECRET,
    store: store as never,
    saveUninitialized: false,
    cookieName: 'sid',
    cookie: { secure: false },
  });
}
