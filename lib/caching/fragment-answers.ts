import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { FragmentRequests } from '../fragments/fragment-requests.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { FRAGMENT_PATH } from '../page/fragment-paths.js';
import { useNonce } from '../page/page-nonce.js';
import { FRAGMENT_HEADER, NONCE_HEADER } from '../page/page-key-header.js';

const FIELD = FRAGMENT_HEADER.toLowerCase();
const NONCE_FIELD = NONCE_HEADER.toLowerCase();

/** Answers nginx when it asks for a fragment of a stored page. */
@Injectable()
export class FragmentAnswers {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(FragmentRequests) private readonly requests: FragmentRequests,
  ) {}

  /** If nginx reads no pages with fragments, only a visitor can have sent the field. */
  isAskedFor({ url = '', headers }: IncomingMessage): boolean {
    const { flavour, fragments } = this.options;
    return flavour !== undefined && fragments.isUsed && Boolean(headers[FIELD]) && url.startsWith(FRAGMENT_PATH);
  }

  /** A failure has no content, so nginx takes the fallback. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    useNonce(request, request.headers[NONCE_FIELD]?.toString());
    const html = await this.requests.html(request.url ?? '', request, String(request.headers[FIELD]));
    // nginx does not read it, but there may be a cache between nginx and the application.
    response.setHeader('Cache-Control', 'private, no-store');
    if (html) {
      response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': html.length }).end(html);
    } else response.writeHead(502, { 'Content-Length': 0 }).end();
  }
}
