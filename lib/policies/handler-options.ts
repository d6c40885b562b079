import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

/**
 * Options of `@PageCache()`, for the pages of a handler or a controller.
 *
 * @example
 * @PageCache({ ttl: 60_000, tags: ['posts'], query: ['page'] })
 *
 * @publicApi
 */
export interface PageCacheHandlerOptions {
  /** How long its pages are served, in milliseconds; 0 = until purged. Default: the `ttl` of the module. */
  ttl?: number;
  /** Labels for its pages. A page gets the tags of its controller and of its handler. */
  tags?: readonly string[] | ((context: ExecutionContext) => readonly string[]);
  /**
   * `true` declares that the pages are the same for everybody, although a guard protects them, or although other hosts and versions have
   * their own handlers. They are then stored. On a controller, it does not apply to handlers that have `@UseGuards()` of their own.
   */
  public?: boolean;
  /**
   * Which of the parameters in `query.allow` of the module this handler reads. Pages with any other parameter are not stored. It cannot allow
   * more than the module does.
   */
  query?: readonly string[];
  /** Keeps single requests out of the cache. */
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
 * Whether the success of an unsafe handler also purges the pages at its `Location` and `Content-Location`.
 *
 * @internal
 */
export const purgesLocation = Reflector.createDecorator<true>();
