import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { PageDraft } from '../page/page-draft.js';

/** The page that is being rendered, found by its request or anywhere below its handler. */
@Injectable()
export class CurrentDraft implements OnApplicationShutdown {
  readonly #storage = new AsyncLocalStorage<PageDraft>();

  run<T>(request: IncomingMessage, draft: PageDraft, render: () => T): T {
    drafts.set(request, draft);
    return this.#storage.run(draft, render);
  }

  /** For code that renders no page, but may have been called below a handler that does. */
  leave<T>(render: () => T): T {
    return this.get() ? this.#storage.exit(render) : render();
  }

  get(): PageDraft | undefined {
    return this.#storage.getStore();
  }

  /** The server has closed. Before Node 24, each storage in use makes every promise of the process slower. */
  onApplicationShutdown(): void {
    this.#storage.disable();
  }
}

const drafts = new WeakMap<IncomingMessage, PageDraft>();

/** The page that a request is rendering. */
export function draftOf(request: IncomingMessage): PageDraft | undefined {
  return drafts.get(request);
}
