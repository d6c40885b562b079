import type { IncomingMessage } from 'node:http';

/** A request for a fragment that the module itself has made. */
export interface FragmentVisit {
  readonly name: string;
  /** Whether it is requested on behalf of nobody, and stored. */
  readonly isShared: boolean;
  /** Path and query of the page, as the visitor requested it; empty when it is requested on behalf of nobody. */
  readonly page: string;
  /** How many fragments are around it, itself included. */
  readonly depth: number;
}

const VISIT = Symbol('nestjs-nginx-cache: fragment');
type Visiting = IncomingMessage & { [VISIT]?: FragmentVisit };

/** The request is known by identity, so nobody can pretend. */
export function beginVisit(request: IncomingMessage, visit: FragmentVisit): void {
  Object.defineProperty(request, VISIT, { value: visit });
}

/** @returns `undefined` for every other request */
export function visitOf(request: IncomingMessage): FragmentVisit | undefined {
  return (request as Visiting)[VISIT];
}
