import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import { PurgeIncompleteError } from './purge-report.js';
import { targetPaths } from './purge-target.js';
import { Purger } from './purger.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { rawPath, rawQuery } from '../rules/request-head.js';
import { isToken } from './token.js';

/**
 * `remotePurge`: purges a page over HTTP, with `PURGE /path` and `Authorization: Bearer <token>`, or with the secret query
 * parameter on a GET. nginx passes both through: the one by its method, the other by its unknown parameter.
 */
@Injectable()
export class RemotePurgeMiddleware implements NestMiddleware<
  IncomingMessage & { originalUrl?: string },
  ServerResponse
> {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(Purger) private readonly purger: Purger,
  ) {}

  use(
    request: IncomingMessage & { originalUrl?: string },
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): void {
    const remote = this.options.remotePurge;
    const target = request.originalUrl ?? request.url ?? '';
    const name = request.method === 'GET' ? remote?.parameter : undefined;
    const parameter = name === undefined ? undefined : parameterOf(target, name);
    if (!remote || (request.method !== 'PURGE' && parameter === undefined)) return next();
    const given = request.method === 'PURGE' ? bearer(request.headers.authorization) : parameter;
    if (given === undefined) return answer(response, 401, { error: 'PURGE needs "Authorization: Bearer <token>"' });
    if (!isToken(given, remote.token)) return answer(response, 403, { error: 'wrong token; nothing was purged' });
    this.purge(rawPath(target)).then(
      (report) => answer(response, 200, report),
      (error: unknown) => {
        const incomplete = error instanceof PurgeIncompleteError;
        answer(response, incomplete ? 503 : 400, { error: error instanceof Error ? error.message : String(error) });
      },
    );
  }

  private async purge(path: string) {
    return this.purger.paths(await targetPaths([path], undefined));
  }
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

function parameterOf(target: string, name: string): string | undefined {
  const query = rawQuery(target);
  return query.includes(name) ? (new URLSearchParams(query).get(name) ?? undefined) : undefined;
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
  });
  response.end(text);
}
