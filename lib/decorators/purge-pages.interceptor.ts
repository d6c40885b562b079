import type { ServerResponse } from 'node:http';
import { finished, Stream } from 'node:stream';
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
import { concat, defer, ignoreElements, type Observable, tap } from 'rxjs';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { BackgroundPurge } from '../invalidation/background-purge.js';
import type { PageTarget } from '../invalidation/purge-target.js';
import { PageCacheService } from '../module/page-cache.service.js';
import type { PurgedBy, PurgedTargets } from './purge-pages.decorator.js';

/** What `@PurgePages()` was given, checked. */
export interface PurgePlan {
  readonly refresh: boolean;
  readonly tags: readonly string[];
  readonly targets: readonly (PurgedTargets | PurgedBy)[];
}

/** An interceptor for each use: several on one handler each do their own. */
export function purgePagesInterceptor(plan: PurgePlan): Type<NestInterceptor> {
  @Injectable()
  class PurgePagesInterceptor implements NestInterceptor {
    readonly #background: BackgroundPurge;

    constructor(
      @Inject(PageCacheService) private readonly pages: PageCacheService,
      @Inject(PageCacheDispatcher) dispatcher: PageCacheDispatcher,
    ) {
      this.#background = new BackgroundPurge(dispatcher);
    }

    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      let result: unknown;
      return concat(
        next.handle().pipe(tap((value) => (result = value))),
        // Part of the answer, as far as Nest knows: it waits for this before it sends the value.
        defer(() => this.succeeded(context, result)).pipe(ignoreElements()),
      );
    }

    private async succeeded(context: ExecutionContext, result: unknown): Promise<void> {
      if (context.getType() !== 'http') return this.purge(result, undefined);
      const http = context.switchToHttp();
      const request: unknown = http.getRequest();
      const response = rawOf(http.getResponse<ServerResponse & { raw?: ServerResponse }>());
      if (!sendsItself(context) || response.writableFinished) {
        if (isSuccess(response)) await this.purge(result, request);
        return;
      }
      finished(response, () => {
        // Also when the visitor has left before the end: what the handler has changed stays changed.
        if (isSuccess(response)) void this.purge(result, request);
      });
    }

    private purge(result: unknown, request: unknown): Promise<void> {
      const { tags, refresh } = plan;
      return this.#background.run(
        async () => {
          const targets = await targetsOf(plan, result, request);
          if (targets.length > 0) await (refresh ? this.pages.refresh(...targets) : this.pages.purge(...targets));
        },
        async () => {
          if (tags.length > 0) await this.pages.purgeTags(...tags);
        },
      );
    }
  }
  return mixin(PurgePagesInterceptor);
}

async function targetsOf({ targets }: PurgePlan, result: unknown, request: unknown): Promise<PageTarget[]> {
  const given = await Promise.all(
    targets.map(async (target) => (typeof target === 'function' ? target(result, request) : target)),
  );
  return given.flatMap((target) => target ?? []);
}

function isSuccess({ statusCode }: ServerResponse): boolean {
  return statusCode >= 200 && statusCode < 400;
}

/** Whether the handler answers by itself, by the same rule as in Nest: `@Res()` or `@Next()` without `passthrough`, or `@Sse()`. */
function sendsItself(context: ExecutionContext): boolean {
  const controller = context.getClass();
  const handler = context.getHandler();
  if (Reflect.hasMetadata(SSE_METADATA, handler)) return true;
  if (Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, controller, handler.name)) return false;
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler.name) ?? {}) as object;
  return Object.keys(parameters).some((key) =>
    [RouteParamtypes.RESPONSE, RouteParamtypes.NEXT].includes(Number(key.split(':', 1)[0])),
  );
}

/** Fastify wraps Node's response, Express extends it. */
function rawOf(response: ServerResponse & { raw?: ServerResponse }): ServerResponse {
  return response.raw instanceof Stream ? response.raw : response;
}
