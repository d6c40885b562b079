import type { ServerResponse } from 'node:http';

/** Statuses that say that the application could not do what it was asked to do (RFC 5861, section 4). */
const ERRORS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** What a response is written with. */
export type Step = 'writeHead' | 'write' | 'flushHeaders' | 'end';
export type Methods = Readonly<Record<Step, (this: ServerResponse, ...args: unknown[]) => unknown>>;

/** Sends something else in place of an error, with these methods. */
export type Substitute = (methods: Methods) => void;

/**
 * Holds an error of the application back until it is known whether there is something better to send. If there is not, the error is sent
 * as it was written.
 */
export class HeldError {
  #state: 'watching' | 'holding' | 'sending' | 'done' = 'watching';
  readonly #steps: (readonly [Step, unknown[]])[] = [];

  /** @param find looks for a substitute; `undefined` when there can be none */
  constructor(private readonly find: (status: number) => Promise<Substitute | undefined> | undefined) {}

  /** @returns whether the step must not be taken now */
  holds(response: ServerResponse, methods: Methods, step: Step, args: unknown[]): boolean {
    if (this.#state === 'sending') return false;
    // Everything after the substitute belongs to the error.
    if (this.#state === 'done') return true;
    if (this.#state === 'holding') {
      this.keep(response, step, args);
      return true;
    }
    const status = step === 'writeHead' ? Number(args[0]) : response.statusCode;
    if (response.headersSent || !ERRORS.has(status)) return false;
    const finding = this.find(status);
    if (!finding) return false;
    this.#state = 'holding';
    // To the application, the header has been sent.
    Object.defineProperty(response, 'headersSent', { value: true, configurable: true });
    this.keep(response, step, args);
    void finding
      .catch(() => undefined)
      .then((substitute) => this.release(response, methods, substitute))
      .catch((error: Error) => response.destroy(error));
    return true;
  }

  private keep(response: ServerResponse, step: Step, args: unknown[]): void {
    // Middleware writes the header again as long as there is none.
    if (step === 'writeHead' && this.#steps.some(([kept]) => kept === step)) return;
    // The buffer belongs to the application, which may use it again.
    const [chunk, ...others] = args;
    this.#steps.push([step, chunk instanceof Uint8Array ? [Buffer.from(chunk), ...others] : args]);
    if (step === 'end') Object.defineProperty(response, 'writableEnded', { value: true, configurable: true });
  }

  private release(response: ServerResponse, methods: Methods, substitute: Substitute | undefined): void {
    Reflect.deleteProperty(response, 'headersSent');
    Reflect.deleteProperty(response, 'writableEnded');
    this.#state = 'sending';
    if (substitute) {
      substitute(methods);
      this.#state = 'done';
    } else {
      for (const [step, args] of this.#steps) methods[step].apply(response, args);
    }
    // The application was told to wait.
    if (this.#steps.at(-1)?.[0] === 'write' && !response.writableNeedDrain) response.emit('drain');
  }
}
