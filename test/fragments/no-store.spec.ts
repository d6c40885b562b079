import { Controller, Get, Header, Req } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { RawResponse } from '../../lib/testing/index.js';
import { PageFragment, pageFragment } from '../../lib/index.js';
import { FLAVOURS, startFlavour } from '../support/flavours.js';

const HTML = 'text/html; charset=utf-8';

/** A shared cache may keep it, but no browser may (RFC 9213, section 2.2). */
@Controller()
class BankController {
  @Get('with/account')
  @Header('content-type', HTML)
  @Header('cache-control', 'no-store')
  @Header('cdn-cache-control', 'max-age=60')
  account() {
    return `<h1>Account</h1>${pageFragment('balance')}`;
  }

  @PageFragment('balance')
  @Header('content-type', HTML)
  balance(@Req() { headers }: { headers: IncomingMessage['headers'] }) {
    return `balance of ${headers.cookie}`;
  }
}

describe.each(FLAVOURS)('a page that no browser may store: $name', (flavour) => {
  const said = ({ headers }: RawResponse, wanted = 'cache-control') =>
    headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const options = { fragments: ['/with/*'], fragmentTimeout: 60_000, anonymousOnly: { sessionCookies: ['session'] } };

  it('says so on a hit, too, or is not stored', async () => {
    await using site = await startFlavour(flavour, 'express', options, { controllers: [BankController] });
    const { first, second, outcome } = await site.twice('/with/account', { Cookie: 'name=Eve' });
    expect(outcome).toBe(flavour.keepsFields ? 'stored' : 'no-store');
    expect(said(second, 'cache-status')[0] === site.hit).toBe(flavour.keepsFields);
    for (const response of [first, second]) {
      expect(response.body.toString()).toBe('<h1>Account</h1>balance of name=Eve');
      expect(said(response)).toEqual(['private, no-store']);
    }
  });

  it.runIf(!flavour.keepsFields)('is stored if nginx says so for all pages', async () => {
    await using site = await startFlavour(
      flavour,
      'express',
      { ...options, nginx: { flavour: flavour.flavour!, headers: { 'Cache-Control': 'no-store' } } },
      { controllers: [BankController] },
    );
    const { second, outcome } = await site.twice('/with/account');
    expect(outcome).toBe('stored');
    expect([said(second, 'cache-status'), said(second)]).toEqual([[site.hit], ['private, no-store']]);
  });
});
