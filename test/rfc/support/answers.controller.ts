import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Controller, Get, Header, Inject, Injectable, Post, Redirect, Req, Res } from '@nestjs/common';
import { PageCache, PurgePages } from '../../../lib/index.js';
import { raw } from '../../support/raw-response.js';

/** Answers a request, by Node's own means. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** Content in one piece. */
export function answer(fields: Fields, body: string | Buffer, status = 200): Answer {
  return (response) => {
    response.statusCode = status;
    response.setHeader('Content-Type', 'text/html');
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
    response.end(body);
  };
}

/** What the application answers: whatever a test says. */
@Injectable()
export class Answers {
  readonly #answers = new Map<string, Answer>();
  readonly #calls = new Map<string, number>();

  /** @returns an address that has not been asked for yet */
  add(answer: Answer): string {
    const target = `/rfc/${this.#answers.size}`;
    this.#answers.set(target, answer);
    return target;
  }

  /** From now on. */
  change(target: string, answer: Answer): void {
    this.#answers.set(target, answer);
  }

  /** How often the application has been asked. */
  calls(target: string): number {
    return this.#calls.get(target) ?? 0;
  }

  give(request: IncomingMessage, response: ServerResponse): void {
    const target = (request.url ?? '').replace('/rfc-named/', '/rfc/');
    this.#calls.set(target, this.calls(target) + 1);
    this.#answers.get(target)!(response, request);
  }
}

@Controller()
export class AnswersController {
  constructor(@Inject(Answers) private readonly answers: Answers) {}

  @Get('rfc-redirect')
  @Redirect('/elsewhere', 301)
  redirect(): void {}

  @Get('rfc-own-ttl')
  @PageCache({ ttl: 60_000 })
  @Header('content-type', 'text/html')
  ownTtl(): string {
    return 'content';
  }

  /** The same answers, which also purge what they name. */
  @Post('rfc-named/:number')
  @PurgePages({ location: true })
  named(@Req() request: IncomingMessage | { raw: IncomingMessage }, @Res() reply: ServerResponse): void {
    this.answer(request, reply);
  }

  @All('rfc/:number')
  answer(@Req() request: IncomingMessage | { raw: IncomingMessage }, @Res() reply: ServerResponse): void {
    this.answers.give(raw(request), raw(reply));
  }
}
