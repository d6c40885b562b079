import { Body, Controller, Header, Post, Redirect, Res, Session } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PageFragment } from 'nestjs-nginx-cache';

@Controller()
export class CsrfTokenController {
  @Post('login')
  @Redirect('/posts/1', 303)
  login(
    @Session() session: { name?: string },
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body('name') name: string,
  ) {
    session.name = name;
    reply.generateCsrf();
  }

  @PageFragment('csrf-token')
  @Header('content-type', 'text/html; charset=utf-8')
  csrfToken(@Session() session: { name?: string }, @Res({ passthrough: true }) reply: FastifyReply) {
    if (!session.name) return '';
    return `<input type="hidden" name="_csrf" value="${reply.generateCsrf()}"><button>Send</button>`;
  }
}
