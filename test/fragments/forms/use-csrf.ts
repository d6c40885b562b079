import csrf from '@fastify/csrf-protection';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** A session has one secret, and a form sends a token made from it in the field `_csrf`. Register the session first. */
export async function useCsrf(app: NestFastifyApplication): Promise<void> {
  await app.register(csrf, { sessionPlugin: '@fastify/session' });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('preHandler', (request, reply, done) => {
    if (request.method === 'POST' && request.url !== '/login') fastify.csrfProtection(request, reply, done);
    else done();
  });
}
