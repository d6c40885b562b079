import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Body, Controller, Get, Header, Param, Post, Redirect } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageFragment } from '../../../lib/index.js';
import { CountingStore, useSessions } from '../../shared/support/sessions.js';
import { PLATFORMS } from '../../support/applications.js';
import { type Answer, type Site, startSite } from '../../support/site.js';
import { CommentsController } from './comments.controller.js';
import { CsrfTokenController } from './csrf-token.controller.js';
import { useCsrf } from './use-csrf.js';

/** The other half of what stands in the guide, for Fastify. */
@Controller()
class FastifyCommentsController {
  readonly comments: string[] = [];

  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  post() {
    return `<form method="post">${pageFragment('csrf-token', {}, { fallback: 'log in' })}</form>`;
  }

  @Post('posts/:id/comments')
  @Redirect('/', 303)
  comment(@Param('id') id: string, @Body('text') text: string) {
    this.comments.push(text);
    return { url: `/posts/${id}` };
  }
}

const CONTROLLERS = {
  express: [CommentsController],
  fastify: [FastifyCommentsController, CsrfTokenController],
} as const;

describe.each(PLATFORMS)('a form on a cached page, on %s', (platform) => {
  let site: Site;
  const store = new CountingStore();
  const form = (target: string, fields: Record<string, string>, cookie?: string) =>
    site.get(target, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: cookie === undefined ? {} : { cookie },
    });
  const logIn = async (name: string) => {
    const { headers } = await form('/login', { name });
    return headers.getSetCookie().join().split(';')[0]!;
  };
  /** From nginx. */
  const hit = async (cookie?: string): Promise<string> => {
    const { status, body } = await site.get('/posts/1', { headers: cookie === undefined ? {} : { cookie } });
    expect(status).toBe('nginx; hit');
    return body.toString();
  };
  const tokenIn = (html: string) => / name="_csrf" value="([^"]+)"/.exec(html)?.[1];
  const comment = (token: string | undefined, cookie?: string): Promise<Answer> =>
    form('/posts/1/comments', { text: 'Hm.', ...(token !== undefined && { _csrf: token }) }, cookie);
  const comments = () => site.app.get(platform === 'express' ? CommentsController : FastifyCommentsController).comments;

  beforeAll(async () => {
    site = await startSite({
      platform,
      options: { shared: ['/posts/*'], fragments: ['/posts/*'], fragmentTimeout: 60_000 },
      controllers: [...CONTROLLERS[platform]],
      prepare: async (app) => {
        await useSessions(app, platform, store);
        if (platform === 'fastify') await useCsrf(app as NestFastifyApplication);
      },
    });
    await site.get('/posts/1');
    await site.log.outcome('/posts/1');
  });
  afterAll(() => site.stop());

  it('has the token of who looks at it, and is accepted with that', async () => {
    const cookie = await logIn('ada');
    expect((await comment(tokenIn(await hit(cookie)), cookie)).code).toBe(303);
    expect(comments().splice(0)).toEqual(['Hm.']);
  });

  it('is refused without a token, with one that somebody has made up, and with that of another visitor', async () => {
    const [ada, bob] = [await logIn('ada'), await logIn('bob')];
    const own = tokenIn(await hit(ada))!;
    const others = tokenIn(await hit(bob))!;
    const made = `${own.startsWith('a') ? 'b' : 'a'}${own.slice(1)}`;
    for (const token of [undefined, '', made, others])
      expect([token, (await comment(token, ada)).code]).toEqual([token, 403]);
    expect((await comment(own)).code).toBe(403);
    expect(comments()).toEqual([]);
  });

  it('has no token for who is not logged in, and begins no session', async () => {
    const before = store.size;
    expect(tokenIn(await hit())).toBeUndefined();
    expect(await hit()).toContain('og in');
    expect(store.size).toBe(before);
  });
});

it('docs/fragments.md shows these files as they are tested', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/fragments.md'), 'utf8');
  for (const file of readdirSync(import.meta.dirname).filter((name) => !name.endsWith('.spec.ts'))) {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8').trim();
    expect(guide).toContain(`\`\`\`ts\n// ${file}\n${text}\n\`\`\``);
  }
});
