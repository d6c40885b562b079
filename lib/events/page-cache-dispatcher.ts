import { Injectable, Logger } from '@nestjs/common';
import { PageCacheFailed } from './outcomes.events.js';

type EventClass<E> = abstract new (...args: never[]) => E;
type Listener = (event: unknown) => unknown;

/** An event that a listener can refuse. A listener that throws refuses it. */
interface Decision {
  readonly refusal: string | undefined;
  refuse(reason: string): void;
}

/** Hands events to their listeners, in the order in which the listeners were added. */
@Injectable()
export class PageCacheDispatcher {
  readonly #logger = new Logger('PageCache');
  readonly #listeners = new Map<EventClass<unknown>, Listener[]>();
  readonly #reported = new WeakSet<Listener>();

  add<E>(event: EventClass<E>, listener: (event: E) => unknown): void {
    const listeners = this.#listeners.get(event) ?? [];
    listeners.push(listener as Listener);
    this.#listeners.set(event, listeners);
  }

  /**
   * Asks the listeners until one refuses. Synchronous as long as the listeners are.
   */
  decide(event: Decision & object): void | Promise<void> {
    const listeners = this.listenersOf(event);
    for (let index = 0; index < listeners.length; index += 1) {
      const listener = listeners[index] as Listener;
      try {
        const result = listener(event);
        if (isPromise(result)) return this.decideLater(event, listeners, index, result);
      } catch (error) {
        this.fail(listener, error, event);
      }
      if (event.refusal !== undefined) return;
    }
  }

  /** Tells the listeners of something that they can no longer change. */
  notify(event: object): void {
    for (const listener of this.listenersOf(event)) {
      try {
        const result = listener(event);
        if (isPromise(result)) result.catch((error: unknown) => this.fail(listener, error));
      } catch (error) {
        this.fail(listener, error);
      }
    }
  }

  private async decideLater(event: Decision & object, listeners: Listener[], from: number, first: Promise<unknown>) {
    let pending: unknown = first;
    for (let index = from; ; pending = undefined) {
      const listener = listeners[index] as Listener;
      try {
        await (pending ?? listener(event));
      } catch (error) {
        this.fail(listener, error, event);
      }
      index += 1;
      if (event.refusal !== undefined || index >= listeners.length) return;
    }
  }

  private listenersOf(event: object): Listener[] {
    return this.#listeners.get(event.constructor as EventClass<unknown>) ?? [];
  }

  private fail(listener: Listener, error: unknown, decision?: Decision): void {
    decision?.refuse('listener-error');
    if (!this.#reported.has(listener)) {
      this.#reported.add(listener);
      this.#logger.error(
        `A listener threw an error, so the page is not cached. Reported once for each listener.`,
        error instanceof Error ? error.stack : String(error),
      );
      // Only failures in decisions are reported: a listener to PageCacheFailed must not be told of its own failure.
      if (decision) this.notify(new PageCacheFailed('listener', error));
    }
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | undefined)?.then === 'function';
}
