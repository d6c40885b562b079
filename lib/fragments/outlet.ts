import type { ServerResponse } from 'node:http';

/** The methods that a response is written with. */
export type Outlet = Readonly<
  Record<'writeHead' | 'write' | 'flushHeaders' | 'end', (this: ServerResponse, ...args: unknown[]) => unknown>
>;
