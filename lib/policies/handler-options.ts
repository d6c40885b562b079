import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

/**
 * What a handler or a controller says about its pages.
 *
 * @publicApi
 */
export interface PageCacheHandlerOptions {
  /** How long its pages are served, in milliseconds; 0 = until purged. Default: the `ttl` of the module. */
  ttl?: number;
  /** Labels for its pages. Those of a controller and of its handler add up. */
  tags?: readonly string[] | ((context: ExecutionContext) => readonly string[]);
  /**
   * Says that the pages are the same for everybody although a guard stands before them, or although other hosts and versions have handlers
   * of their own: `true` stores them. What a controller says does not count for handlers with `@UseGuards()` of their own.
   */
  public?: boolean;
  /** Of the allowed query parameters, those that this handler reads. With any other its pages are not stored. */
  query?: readonly string[];
  /** Keeps single requests away from the cache. */
  skipIf?: (context: ExecutionContext) => boolean;
}

/** @internal */
export const pageCache = Reflector.createDecorator<PageCacheHandlerOptions>();

/** @internal */
export const noPageCache = Reflector.createDecorator<true>();

/**
 * The fragment that a handler makes.
 *
 * @internal
 */
export const pageFragmentOf = Reflector.createDecorator<{
  readonly name: string;
  /** Whether it is the same for everybody. */
  readonly isShared: boolean;
}>();

/**
 * Whether the success of an unsafe handler also purges what stands at its `Location` and `Content-Location`.
 *
 * @internal
 */
export const purgesLocation = Reflector.createDecorator<true>();
