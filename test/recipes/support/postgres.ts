import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { onFreePort } from '../../../lib/testing/free-port.js';

/** For what does not make its tables itself. */
export const POSTS_TABLE = `
  CREATE TABLE posts (
    id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug text UNIQUE NOT NULL,
    title text NOT NULL
  )`;

/** PostgreSQL in this process, empty. It has one session, however many connect to it. */
export async function startPostgres() {
  const database = await PGlite.create();
  const { server, port } = await onFreePort(async (port) => {
    const server = new PGLiteSocketServer({ db: database, port, maxConnections: 10 });
    await server.start();
    return { server, port };
  });
  return {
    database,
    url: `postgres://postgres:x@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await server.stop();
      await database.close();
    },
  };
}
