import type { ServerResponse } from 'node:http';

/** What a response is written with. */
export type Outlet = Readonly<
  Record<'writeHead' | 'write' | 'flushHeaders' | 'end', (this: ServerResponse, ...args: unknown[]) => unknown>
>;
