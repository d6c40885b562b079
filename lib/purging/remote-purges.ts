import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { type PurgeReport, PurgeIncompleteError } from './purge-report.js';
import { targetPath } from './purge-target.js';
import { Purger } from './purger.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { rawPath, rawQuery } from '../rules/request-head.js';
import { isToken } from './token.js';

/**
 * `remotePurge`: purges over HTTP, with `PURGE /path` and `Authorization: Bearer <token>`, or with the secret query parameter on a GET.
 * `/path/*` stands for a subtree, `/*` for everything, and `Cache-Tag` for all pages with one of its tags. nginx passes these requests
 * through: the first by its method, the second by its unknown parameter.
 */
@Injectable()
export class RemotePurges {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(Purger) private readonly purger: Purger,
  ) {}

  /** Whether a request asks for a purge, allowed or not. */
  isAskedFor(request: IncomingMessage): boolean {
    return (
      this.options.remotePurge !== undefined && (request.method === 'PURGE' || this.parameter(request) !== undefined)
    );
  }

  /** Purges, and answers with the report. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isPurge = request.method === 'PURGE';
    const given = isPurge ? bearer(request.headers.authorization) : this.parameter(request);
    const { token = '' } = this.options.remotePurge ?? {};
    if (given === undefined) return send(response, 401, { error: 'PURGE needs "Authorization: Bearer <token>"' });
    if (!isToken(given, token)) return send(response, 403, { error: 'wrong token; nothing was purged' });
    try {
      const tags = isPurge ? request.headers['cache-tag'] : undefined;
      send(response, 200, await (tags === undefined ? this.pages(request.url ?? '') : this.tagged([tags].flat())));
    } catch (error) {
      const incomplete = error instanceof PurgeIncompleteError;
      send(response, incomplete ? 503 : 400, { error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** A target that comes over the wire is encoded, and has only one meaning. */
  private pages(target: string): Promise<PurgeReport> {
    return this.purger.paths(targetPath(rawPath(target), undefined).filter(({ isGuess }) => !isGuess));
  }

  private tagged(lines: readonly string[]): Promise<PurgeReport> {
    const tags = lines.flatMap(tagsOf);
    if (tags.length === 0) throw new TypeError('Cache-Tag names no tag; nothing was purged');
    return this.purger.purge({ kind: 'tags', tags });
  }

  private parameter({ method, url = '' }: IncomingMessage): string | undefined {
    const name = method === 'GET' ? this.options.remotePurge?.parameter : undefined;
    if (name === undefined) return undefined;
    const query = rawQuery(url);
    return query.includes(name) ? (new URLSearchParams(query).get(name) ?? undefined) : undefined;
  }
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

/** The tags of one field line, in UTF-8. A comma in a tag is `%2C`. */
function tagsOf(line: string): string[] {
  const text = Buffer.from(line, 'latin1').toString();
  const tags = text.split(',').map((tag) => tag.trim());
  return tags.filter((tag) => tag !== '').map((tag) => tag.replace(/%2C/gi, ','));
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
  });
  response.end(text);
}
