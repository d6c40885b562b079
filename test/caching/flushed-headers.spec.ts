import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { describeWholeResponses, values, type WholeResponseSite } from '../rfc/support/whole-responses.js';

const LATIN1 = 'caf\xe9';
const UTF8 = Buffer.from('café').toString('latin1');

const WAYS: [string, (response: ServerResponse) => unknown][] = [
  ['flushHeaders() and bytes', (response) => (response.flushHeaders(), response.end(Buffer.from('abc')))],
  ['flushHeaders() and a text', (response) => (response.flushHeaders(), response.end('abc'))],
  ["write('') and a text", (response) => (response.write(''), response.write('abc'), response.end())],
  ["write('') and bytes", (response) => (response.write(''), response.end(Buffer.from('abc')))],
  ['a length, no bytes, then a text', (response) => (lengthOf3(response).write(Buffer.alloc(0)), response.end('abc'))],
  ["a length, write('') and bytes", (response) => (lengthOf3(response).write(''), response.end(Buffer.from('abc')))],
  ['a text', (response) => response.end('abc')],
  ["a text, in the coding ''", (response) => response.end('abc', '' as never)],
  ['a text in latin1', (response) => response.end('abc', 'latin1')],
  [
    'a text, after cork()',
    (response) => (response.cork(), response.write('abc'), response.end('def'), response.uncork()),
  ],
];

function lengthOf3(response: ServerResponse): ServerResponse {
  return response.setHeader('Content-Length', 3);
}

function tests(site: () => WholeResponseSite): void {
  it.each(WAYS)('has on a hit the bytes of the miss: %s', async (_, send) => {
    const target = site().answers.add((response) => {
      response.setHeader('Content-Type', 'text/html').setHeader('X-Latin1', LATIN1).setHeader('X-Utf8', UTF8);
      send(response);
    });
    const { first, second, outcome } = await site().twice(target);
    expect(outcome).toBe('stored');
    expect(site().isHit(second)).toBe(true);
    for (const name of ['x-latin1', 'x-utf8']) expect(values(second, name)).toEqual(values(first, name));
    expect(second.body).toEqual(first.body);
  });

  it.each([
    ['end()', (response: ServerResponse) => response.end()],
    ["end('')", (response: ServerResponse) => response.end('')],
    ['end() of no bytes', (response: ServerResponse) => response.end(Buffer.alloc(0))],
    ['flushHeaders() and end()', (response: ServerResponse) => (response.flushHeaders(), response.end())],
  ])('of a redirect, too: %s', async (_, send) => {
    const target = site().answers.add((response) => send(response.writeHead(301, { Location: `/${LATIN1}` })));
    const { first, second, outcome } = await site().twice(target);
    expect(outcome).toBe('stored');
    expect(site().isHit(second)).toBe(true);
    expect(values(second, 'location')).toEqual(values(first, 'location'));
  });
}

describeWholeResponses('a header that is not ASCII', tests);
// With fragments, the application holds each page until its end.
describeWholeResponses('a header that is not ASCII, with fragments', tests, { fragments: ['/elsewhere'] });
