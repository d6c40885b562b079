import { noPageCache } from '../policies/handler-options.js';

/**
 * Keeps a handler, or all handlers of a controller, out of the cache: nothing is stored, and no stored page is served. On a handler for
 * POST or another unsafe method, it also prevents the purge after a success (`purgeAfterUnsafe`).
 *
 * @example
 * @NoPageCache()
 * @Get('status')
 * status() {}
 *
 * @publicApi
 */
export const NoPageCache = (): MethodDecorator & ClassDecorator => noPageCache(true);
