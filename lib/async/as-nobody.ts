import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs a function outside of the caller's async context: without the session, the request or the transaction that an application keeps in an
 * `AsyncLocalStorage`. A page that no visitor has asked for is for everybody.
 */
export const asNobody: <T>(run: () => T) => T = AsyncLocalStorage.snapshot();
