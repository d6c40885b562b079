import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { assembledFields, PageAssembly } from '../fragments/page-assembly.js';
import { fromSsi } from '../fragments/ssi-form.js';
import { nonceFor, withNonce } from '../page/page-nonce.js';
import type { Page } from '../page/page.js';
import { receivedFields } from '../page/received-request.js';
import { type StoredResponse, storedResponse } from './stored-response.js';

/** What a stored page says to a visitor, with its fragments made for that visitor. */
@Injectable()
export class StoredResponses {
  constructor(@Inject(PageAssembly) private readonly assembly: PageAssembly) {}

  /**
   * @param request for the page
   * @param isLast whether nothing outside can give the content another coding
   * @returns `undefined` when what is stored is damaged
   */
  async of(page: Page, request: IncomingMessage, isLast: boolean): Promise<StoredResponse | undefined> {
    if (!this.assembly.isDeclared(request)) return storedResponse(page, receivedFields(request), isLast);
    const body = await this.assembly.assemble(fromSsi(page.body), request);
    return {
      status: page.status,
      fields: assembledFields(page.headers).map((field) => withNonce(field, () => nonceFor(request))),
      vary: undefined,
      made: request.method === 'HEAD' ? [] : [['Content-Length', String(body.length)]],
      unsaid: [],
      coding: undefined,
      body,
    };
  }
}
