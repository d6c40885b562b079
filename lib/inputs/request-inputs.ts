import type { IncomingMessage, ServerResponse } from 'node:http';
import { isObject } from '../checks/is-object.js';
import { ownValues, type OwnValues, setSince, watchProperty } from './left-properties.js';
import { ProxyTrust } from './proxy-trust.js';
import { type Reader, readerBelow } from './reader.js';

const INPUTS = Symbol('nestjs-nginx-cache: inputs');
type Observed = IncomingMessage & { [INPUTS]?: RequestInputs };

/** Stands for all request fields, when they have been copied or listed. */
export const EVERY_FIELD = 'every-field';

/** How many inputs are remembered of one request. */
const MAX_READS = 20;

/** Decides which inputs count. */
export interface InputPolicy {
  /** Whether an input may be read: it is in the key, or makes no difference. */
  isFree(name: string, request: IncomingMessage): boolean;
  /** Is called before something that has been read is put on the request. */
  onCopy(request: IncomingMessage): void;
}

/** The fields of a request in their raw form. */
export interface RawFields {
  /** Whether reading them counts. */
  readonly isObserved: boolean;
  /** Name and value in turn; it is called when somebody wants them. */
  readonly list: () => string[];
  raw?: string[];
  distinct?: NodeJS.Dict<string[]>;
}

const NOTHING: [name: string, reader: Reader][] = [];

/** What a question has read, and what the objects were like before, on which it may have left that. */
interface Asked {
  readonly names: Set<string>;
  readonly before: readonly (readonly [target: object, values: OwnValues])[];
}

/** The inputs that have been read of a request although its page must not depend on them. For most requests, there are none. */
export class RequestInputs {
  #reads: Map<string, Reader> | undefined;
  /** The inputs that have been read in order to be put on the request. */
  #copied: Set<string> | undefined;
  readonly #trust: ProxyTrust;
  #isOver = false;
  /** Who is asking: a question about the request, or this class itself. */
  #asks: 'question' | 'itself' | undefined;
  #asked: Asked | undefined;
  /** The request of the framework, if that is another object. */
  #framed: object | undefined;
  #isRefused = false;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly policy: InputPolicy,
    readonly raw: RawFields,
  ) {
    this.#trust = new ProxyTrust(request);
  }

  /**
   * Notes that an input has been read.
   *
   * @param name the name of a field, in lower case; or another input (`CONNECTION_INPUTS`)
   * @param by the function that was called to read it
   * @returns whether the reader is known to be harmless
   */
  read(name: string, by: (...args: never[]) => unknown): boolean {
    if (this.#isOver || this.#isRefused) return false;
    if (this.#asks !== undefined) {
      if (this.#asks === 'question') this.noteAsked(name);
      return false;
    }
    this.#trust.read(name, by);
    if (this.policy.isFree(name, this.request)) return false;
    const known = this.#reads?.get(name);
    if (known && !known.harmless) return false;
    const reader = readerBelow(name, by);
    if (name === ':remote-address' && !reader.harmless && this.whileAsking('itself', () => this.#trust.isAsked(reader)))
      return true;
    if (reader.harmless?.copies) {
      if (!this.#copied) this.policy.onCopy(this.request);
      (this.#copied ??= new Set()).add(name);
    }
    const reads = (this.#reads ??= new Map<string, Reader>());
    if (!reader.harmless || reader.harmless.shownIn !== undefined) reads.set(name, reader);
    // From then on, no further read makes a difference.
    this.#isRefused = reads.size >= MAX_READS || (name === EVERY_FIELD && !reader.harmless);
    return reader.harmless !== undefined;
  }

  /**
   * Notes that an input has been read where nobody could see it.
   *
   * @param place who may have read it
   */
  assume(name: string, place: string): void {
    if (this.policy.isFree(name, this.request)) return;
    (this.#reads ??= new Map<string, Reader>()).set(name, { place, harmless: undefined, framework: undefined });
  }

  /** Notes that a copy has been read, which may come from one of these inputs. */
  readCopy(names: readonly string[], by: (...args: never[]) => unknown): void {
    for (const name of names) if (this.#copied?.has(name)) this.read(name, by);
  }

  /**
   * The inputs that a page may have been made from, with their readers.
   *
   * @param shows tells whether the response has a field
   */
  dangerous(shows: (field: string) => boolean): [name: string, reader: Reader][] {
    const { distrusted } = this.#trust;
    if (!this.#reads && !distrusted) return NOTHING;
    return [
      ...[...(this.#reads ?? [])].filter(
        ([, { harmless }]) => !(harmless?.shownIn !== undefined && shows(harmless.shownIn)),
      ),
      ...(distrusted ? [[':remote-address', distrusted] as [string, Reader]] : []),
    ];
  }

  /** Must be called when the framework has made a request of its own, on which questions may leave something as well. */
  frame(request: object): void {
    if (request !== this.request) this.#framed = request;
  }

  /**
   * Runs a question about a request: of this module, of a listener or of `skipIf`. What the question reads does not count, until it returns: later
   * reads of it do count, and so do reads of what it has left on the request (`request.device ??= deviceOf(request.headers)`) or in `response.locals`.
   * What it has left anywhere else cannot be seen.
   */
  ask<T>(question: () => T): T {
    try {
      return this.whileAsking('question', question);
    } finally {
      if (this.#asked && this.#asks === undefined) this.watchLeft(this.#asked);
    }
  }

  /** Must be called when a question has been asked before the request was observed. It may have read any field. */
  left(names: readonly PropertyKey[]): void {
    for (const name of names) this.watch(this.request, name, [EVERY_FIELD]);
  }

  private whileAsking<T>(asks: 'question' | 'itself', question: () => T): T {
    const before = this.#asks;
    this.#asks = asks;
    try {
      return question();
    } finally {
      this.#asks = before;
    }
  }

  private noteAsked(name: string): void {
    if (this.policy.isFree(name, this.request)) return;
    this.#asked ??= { names: new Set(), before: this.markable().map((target) => [target, ownValues(target)] as const) };
    this.#asked.names.add(name);
  }

  /** The objects on which a question may leave what it has read. */
  private markable(): object[] {
    const { locals } = this.response as { locals?: unknown };
    return [this.request, this.#framed, locals].filter(isObject);
  }

  private watchLeft({ names, before }: Asked): void {
    this.#asked = undefined;
    for (const [target, values] of before) {
      for (const name of setSince(values, target)) this.watch(target, name, [...names]);
    }
  }

  private watch(target: object, name: PropertyKey, inputs: readonly string[]): void {
    watchProperty(target, name, (by) => inputs.forEach((input) => this.read(input, by)));
  }

  /** Must be called when the last byte has been written, or when there will be no page. */
  close(): void {
    this.#isOver = true;
  }

  get isOver(): boolean {
    return this.#isOver || this.response.writableFinished || this.response.destroyed;
  }
}

/** `undefined` when the request is not observed: it cannot become a page. */
export function inputsOf(request: IncomingMessage): RequestInputs | undefined {
  return (request as Observed)[INPUTS];
}

export function setInputs(request: IncomingMessage, inputs: RequestInputs): void {
  Object.defineProperty(request, INPUTS, { value: inputs });
}
