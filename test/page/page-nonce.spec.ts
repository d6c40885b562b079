import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  areNoncesReplaceable,
  nonceFor,
  noteArrival,
  pageNonce,
  useNonce,
  withNonce,
  withoutNonce,
} from '../../lib/page/page-nonce.js';

function arrived(): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  noteArrival(request);
  return request;
}

function isReplaceable(nonce: string, request: IncomingMessage): boolean {
  return areNoncesReplaceable([['Content-Security-Policy', `script-src 'nonce-${nonce}'`]], request);
}

describe('a nonce of a response', () => {
  it('is one that was made after its request arrived, even if it is the latest one', () => {
    pageNonce();
    const latest = pageNonce();
    const request = arrived();
    expect(isReplaceable(latest, request)).toBe(false);
    expect(isReplaceable(pageNonce(), request)).toBe(true);
    expect(isReplaceable(pageNonce(), request)).toBe(true);
    expect(isReplaceable(latest, request)).toBe(false);
  });

  it('is not known any more when 10,000 others were made', () => {
    const request = arrived();
    const nonce = pageNonce();
    for (let index = 1; index < 10_000; index += 1) pageNonce();
    expect(isReplaceable(nonce, request)).toBe(true);
    pageNonce();
    expect(isReplaceable(nonce, request)).toBe(false);
  });

  it.each(['', '"><script>', 'a'.repeat(31), 'a'.repeat(33), 'A'.repeat(32), `${'a'.repeat(32)}\n`, '{pageNonce}'])(
    'is none that nginx cannot have made: %j',
    (nonce) => {
      const visitor = arrived();
      useNonce(visitor, nonce);
      expect(nonceFor(visitor)).toMatch(/^[0-9a-f]{32}$/);
      expect(nonceFor(visitor)).not.toBe(nonce);
      expect(nonceFor(visitor)).toBe(nonceFor(visitor));
    },
  );

  it('is the one that nginx has made', () => {
    const visitor = arrived();
    const nonce = '0123456789abcdef'.repeat(2);
    useNonce(visitor, nonce);
    expect(nonceFor(visitor)).toBe(nonce);
  });

  it.each(['Content-Security-Policy', 'content-security-policy-report-only'])('stands in %s', (name) => {
    const stored = withoutNonce([name, "script-src 'nonce-abc' 'NONCE-abc'"]);
    expect(stored).toEqual([name, "script-src 'nonce-{pageNonce}' 'nonce-{pageNonce}'"]);
    expect(withNonce(stored, () => 'new')).toEqual([name, "script-src 'nonce-new' 'nonce-new'"]);
  });

  it.each(['X-Comment', 'Location', 'X-Content-Security-Policy'])('stands in no other field: %s', (name) => {
    expect(withoutNonce([name, "'nonce-abc'"])).toEqual([name, "'nonce-abc'"]);
    expect(withNonce([name, '{pageNonce}'], () => 'new')).toEqual([name, '{pageNonce}']);
  });
});
