import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  HttpException,
  Injectable,
  Param,
  Post,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { PageCache } from '../../../lib/index.js';
import type { Gate } from '../../support/gate.js';

export const HTML = 'text/html; charset=utf-8';

export interface Reader {
  readonly headers: Record<string, string | undefined>;
  readonly session?: { name?: string };
}

/** What the pages of all tests answer, and how often each handler has run. */
export const now = {
  renders: new Map<string, number>(),
  gate: undefined as Gate | undefined,
  status: 200,
};

export function reset(): void {
  Object.assign(now, { renders: new Map(), gate: undefined, status: 200 });
}

export function nameOf(reader: Reader): string {
  return reader.session?.name ?? 'nobody';
}

/** Everything that it can find out about its visitor stands on the page. */
async function render(path: string, reader: Reader): Promise<string> {
  now.renders.set(path, (now.renders.get(path) ?? 0) + 1);
  await now.gate?.pass();
  if (now.status !== 200) throw new HttpException('failed', now.status);
  const { cookie, authorization } = reader.headers;
  return `<p>${path} for ${nameOf(reader)}, ${cookie ?? 'no cookie'}, ${authorization ?? 'no credentials'}</p>`;
}

@Injectable()
class MembersGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return nameOf(context.switchToHttp().getRequest<Reader>()) !== 'nobody';
  }
}

@Controller()
export class ReadersController {
  @Post('login/:name')
  @HttpCode(200)
  login(@Param('name') name: string, @Req() { session }: Reader) {
    session!.name = name;
    return 'ok';
  }

  @Get('posts/:id')
  @Header('content-type', HTML)
  post(@Param('id') id: string, @Req() reader: Reader) {
    return render(`/posts/${id}`, reader);
  }

  @Get('short/:id')
  @PageCache({ ttl: 200 })
  @Header('content-type', HTML)
  short(@Param('id') id: string, @Req() reader: Reader) {
    return render(`/short/${id}`, reader);
  }

  @Post('posts/:id')
  @HttpCode(200)
  comment(@Req() reader: Reader) {
    return `thank you ${nameOf(reader)}`;
  }

  @Get('own/:id')
  @Header('content-type', HTML)
  own(@Param('id') id: string, @Req() reader: Reader) {
    return render(`/own/${id}`, reader);
  }

  @Get('not/private')
  @Header('content-type', HTML)
  @Header('cache-control', 'private')
  privately(@Req() reader: Reader) {
    return render('/not/private', reader);
  }

  @Get('not/cookie')
  async cookie(
    @Req() reader: Reader,
    @Res() reply: { header(name: string, value: string): void; send(body: string): void },
  ) {
    reply.header('content-type', HTML);
    reply.header('set-cookie', `token=${Math.random()}`);
    reply.send(await render('/not/cookie', reader));
  }

  @Get('not/guarded')
  @UseGuards(MembersGuard)
  @Header('content-type', HTML)
  guarded(@Req() reader: Reader) {
    return render('/not/guarded', reader);
  }
}
