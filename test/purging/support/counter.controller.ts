import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import {
  ConflictException,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Injectable,
  type NestInterceptor,
  NotFoundException,
  Param,
  Patch,
  Post,
  Put,
  Redirect,
  Res,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { delay, Observable, of } from 'rxjs';
import { NoPageCache, PurgePages } from '../../../lib/index.js';
import { raw } from '../../support/raw-response.js';

const HTML = 'text/html; charset=utf-8';

interface Reply {
  header(name: string, value: string): Reply;
  redirect(...args: unknown[]): void;
  send(body?: unknown): void;
}

@Injectable()
class OpenGuard {
  canActivate() {
    return true;
  }
}

/** Commits behind everything else, as interceptors for transactions do. */
@Injectable()
class CommitsLater implements NestInterceptor {
  intercept(_: unknown, next: { handle(): Observable<unknown> }) {
    return new Observable((subscriber) =>
      next.handle().subscribe((value) => {
        void setTimeout(30).then(() => {
          Counter.value += 1;
          subscriber.next(value);
          subscriber.complete();
        });
      }),
    );
  }
}

/** What the pages show. */
export const Counter = { value: 0 };

@Controller()
class CounterController {
  @Get(['/', 'page', 'other', 'page/:id', 'excluded', 'not-purging', 'guarded', 'res', 'raw', 'streamed'])
  @Header('content-type', HTML)
  page() {
    return this.show();
  }

  @Get(['k%C3%A4se', 'käse'])
  @Header('content-type', HTML)
  show() {
    return `count ${Counter.value}`;
  }

  @Post(['page', 'k%C3%A4se', 'käse'])
  @HttpCode(200)
  post() {
    Counter.value += 1;
  }

  @Put('page')
  async put() {
    Counter.value += 1;
    return 'put';
  }

  @Patch('page')
  patch() {
    Counter.value += 1;
    return of({ patched: true }).pipe(delay(5));
  }

  @Delete('page')
  @HttpCode(204)
  remove() {
    Counter.value += 1;
  }

  @Post('page/:how')
  how(@Param('how') how: string, @Res({ passthrough: true }) reply: Reply & { status(code: number): Reply }) {
    Counter.value += 1;
    if (how === 'missing') throw new NotFoundException();
    if (how === 'conflict') throw new ConflictException();
    if (how === 'broken') throw new Error('broken');
    if (how === 'bad') reply.status(422);
    return 'x';
  }

  @Post('purges')
  @PurgePages('/page')
  purges() {
    Counter.value += 1;
  }

  @Post('excluded')
  @HttpCode(200)
  excluded() {}

  @Post('login')
  @Redirect('/', 303)
  login() {}

  @Post('redirect/:to')
  @PurgePages({ location: true })
  redirect(@Param('to') to: string, @Res() reply: Reply) {
    Counter.value += 1;
    const url = Buffer.from(to, 'base64url').toString();
    raw(reply as never as ServerResponse)
      .writeHead(303, { location: url })
      .end();
  }

  @Post('content-location/:to')
  @PurgePages({ location: true })
  contentLocation(@Param('to') to: string, @Res({ passthrough: true }) reply: Reply) {
    Counter.value += 1;
    reply.header('content-location', Buffer.from(to, 'base64url').toString());
    return 'x';
  }

  @Post('not-purging')
  @NoPageCache()
  notPurging() {}

  @Post('guarded')
  @UseGuards(OpenGuard)
  guarded() {
    Counter.value += 1;
  }

  @Post('res')
  res(@Res() reply: Reply) {
    Counter.value += 1;
    reply.header('content-type', HTML).send('<p>sent</p>');
  }

  @Post('raw')
  async raw(@Res() reply: ServerResponse) {
    Counter.value += 1;
    raw(reply).setHeader('x-some', 'thing').end('straße');
  }

  @Post('streamed')
  streamed(@Res() reply: ServerResponse & { hijack?: () => void }) {
    reply.hijack?.();
    const response = raw<ServerResponse>(reply as never);
    response.writeHead(200, { 'content-type': HTML });
    response.write('some');
    void setTimeout(20).then(() => {
      Counter.value += 1;
      response.end(' more');
    });
  }

  @Post('other')
  @UseInterceptors(CommitsLater)
  other() {
    return 'x';
  }
}

/** Its own pages are not stored, but it changes those of another. */
@Controller()
@NoPageCache()
class FormsController {
  @Post('form')
  post() {
    Counter.value += 1;
  }
}

@Controller()
class FormPagesController {
  @Get('form')
  @Header('content-type', HTML)
  show() {
    return `count ${Counter.value}`;
  }
}

/** Pages that show a number, and requests that change it in every way. */
export const COUNTER_CONTROLLERS = [CounterController, FormsController, FormPagesController];

/** A target as it stands in the address of a redirect. */
export const encodedTarget = (url: string) => Buffer.from(url).toString('base64url');
