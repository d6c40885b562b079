import { bodyFormat } from '../../lib/page/body-format.js';
import type { Page } from '../../lib/page/page.js';
import type { StoreContext } from '../../lib/stores/page-store.js';
import { fc } from '../support/random.js';

export const HTML = [['Content-Type', 'text/html; charset=utf-8']] as const;

export function page(body: string | Buffer = '<h1>Hello</h1>'): Page {
  return { status: 200, headers: HTML, body: Buffer.from(body as string) };
}

export const context: StoreContext = {
  format: bodyFormat([]),
  prefix: 'page:',
  maxPageBytes: 1_000_000,
  compress: false,
  mustList: false,
};

const latin1 = (constraints?: { minLength?: number; maxLength?: number }) =>
  fc.uint8Array(constraints).map((bytes) => Buffer.from(bytes).toString('latin1'));

export const anyPage: fc.Arbitrary<Page> = fc.record(
  {
    status: fc.integer({ min: 200, max: 599 }),
    headers: fc.array(
      fc.tuple(
        latin1({ minLength: 1, maxLength: 20 }),
        fc.oneof(latin1(), fc.constantFrom(':', ':base64:AA==', 'END')),
      ),
    ),
    body: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
    contentEncoding: fc.constant('gzip' as const),
  },
  { requiredKeys: ['status', 'headers', 'body'] },
);

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
