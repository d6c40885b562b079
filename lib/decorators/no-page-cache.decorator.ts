import { Reflector } from '@nestjs/core';

/** @internal */
export const noPageCache = Reflector.createDecorator<true>();

/**
 * Keeps a handler, or all handlers of a controller, out of the cache: nothing is stored, nothing is served.
 *
 * @example
 * @NoPageCache()
 * @Get('status')
 * status() {}
 *
 * @publicApi
 */
export const NoPageCache = (): MethodDecorator & ClassDecorator => noPageCache(true);
