import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  mixin,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { RESPONSE_PASSTHROUGH_METADATA, ROUTE_ARGS_METADATA, SSE_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { concat, defer, finalize, ignoreElements, type Observable, tap } from 'rxjs';
import { slices } from '../async/chunks.js';
import { waitFor } from '../async/patience.js';
import { rawOf, type Wrapped } from '../caching/raw-of.js';
import { holdEnd } from '../caching/response-observer.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { BackgroundPurge } from '../purging/background-purge.js';
import { namedBy, type PageTarget, targetPath } from '../purging/purge-target.js';
import { PageCacheService } from '../module/page-cache.service.js';
import type { PurgedBy, PurgedTargets } from './purged-by.js';

/** What `@PurgePages()` was given, checked. */
export interface PurgePlan {
  /** The handler, by its name in the controller: a decorator may have wrapped it in a function with another name. */
  readonly method: string | symbol;
  readonly refresh: boolean;
  readonly tags: readonly string[];
  readonly targets: readonly (PurgedTargets | PurgedBy)[];
}

/** How many arguments are passed to one call: the stack limits them. */
const ARGUMENTS = 10_000;

/** Makes an interceptor for each use: several on one handler work independently. */
export function purgePagesInterceptor(plan: PurgePlan): Type<NestInterceptor> {
  @Injectable()
  class PurgePagesInterceptor implements NestInterceptor {
    constructor(
      @Inject(PageCacheService) private readonly pages: PageCacheService,
      @Inject(BackgroundPurge) private readonly background: BackgroundPurge,
      @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    ) {}

    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      return defer(() => {
        let value: { readonly last: unknown } | undefined;
        let purging: Promise<void> | undefined;
        const purge = () => (purging ??= this.succeeded(context, value?.last));
        const handled = next.handle().pipe(
          tap({
            next: (last) => (value = { last }),
            error: () => (value = undefined),
          }),
        );
        // Nest takes the purge for a part of the answer, and waits for it before it sends the value. An interceptor farther out that is content
        // with the first value does not, and neither does one whose patience ends.
        return concat(handled, defer(purge).pipe(ignoreElements())).pipe(finalize(() => void (value && purge())));
      });
    }

    private async succeeded(context: ExecutionContext, result: unknown): Promise<void> {
      if (context.getType() !== 'http') return this.purge(result, undefined);
      const http = context.switchToHttp();
      const request = http.getRequest<Wrapped<IncomingMessage>>();
      const response = rawOf(http.getResponse<Wrapped<ServerResponse>>());
      if (!sendsItself(context, plan.method) || response.writableFinished) {
        if (!isSuccess(response)) return;
        const purging = this.purge(result, request);
        // It may take longer than an interceptor farther out waits for the handler.
        await (holdEnd(response, purging) ? waitFor(purging, rawOf(request)) : purging);
        return;
      }
      finished(response, () => {
        // This also runs when the visitor has left early: the handler has changed the data all the same.
        if (isSuccess(response)) void this.purge(result, request);
      });
    }

    private purge(result: unknown, request: Wrapped<IncomingMessage> | undefined): Promise<void> {
      const { tags } = plan;
      return this.background.run(
        request && rawOf(request),
        () => this.purgeTargets(result, request),
        async () => {
          if (tags.length > 0) await this.pages.purgeTags(...tags);
        },
      );
    }

    private async purgeTargets(result: unknown, request: unknown): Promise<void> {
      const targets = await this.targets(result, request);
      // If one of them is wrong, the others are purged all the same.
      const pages = (await this.settle(targets.map((target) => this.pagesOf(target)))).flat();
      for (const some of slices(pages, ARGUMENTS)) {
        await this.settle<unknown>([plan.refresh ? this.pages.refresh(...some) : this.pages.purge(...some)]);
      }
    }

    /** @throws {TypeError} when the target is wrong */
    private async pagesOf(target: PageTarget): Promise<(string | URL)[]> {
      const pages = await namedBy(target);
      for (const page of pages) targetPath(page, this.options.hosts);
      return pages;
    }

    private async targets(result: unknown, request: unknown): Promise<PageTarget[]> {
      const given = await this.settle(
        plan.targets.map(async (target) => (typeof target === 'function' ? target(result, request) : target)),
      );
      return given.flatMap((target) => target ?? []);
    }

    /** The results of those that succeeded. Failures are reported. */
    private async settle<T>(all: readonly Promise<T>[]): Promise<T[]> {
      const results = await Promise.allSettled(all);
      return results.flatMap((result) => {
        if (result.status === 'fulfilled') return [result.value];
        this.background.report(result.reason);
        return [];
      });
    }
  }
  return mixin(PurgePagesInterceptor);
}

function isSuccess({ statusCode }: ServerResponse): boolean {
  return statusCode >= 200 && statusCode < 400;
}

/** Whether the handler answers by itself, by the same rule as in Nest: `@Res()` or `@Next()` without `passthrough`, or `@Sse()`. */
function sendsItself(context: ExecutionContext, method: string | symbol): boolean {
  const controller = context.getClass();
  if (Reflect.hasMetadata(SSE_METADATA, context.getHandler())) return true;
  if (Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, controller, method)) return false;
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as object;
  return Object.keys(parameters).some((key) =>
    [RouteParamtypes.RESPONSE, RouteParamtypes.NEXT].includes(Number(key.split(':', 1)[0])),
  );
}
