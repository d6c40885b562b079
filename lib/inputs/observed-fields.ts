import { inspect } from 'node:util';
import type { IncomingHttpHeaders } from 'node:http';
import { EVERY_FIELD, type RequestInputs } from './request-inputs.js';

/** Names that libraries read from every object (is it a promise, an Observable, a list?). As fields, they count only when somebody sends them. */
const ASKED_OF_OBJECTS = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  'then',
  'lift',
  'subscribe',
  'pipe',
  'length',
]);

/**
 * Stands in the place of `request.headers`: it looks the same to every reader, and notes what is read. Absent fields count, because other visitors
 * may send them. Fields that the application has set itself do not count.
 *
 * It is a proxy, since nothing else notices `Object.keys()` and `Object.hasOwn()`. For this reason `structuredClone()` refuses it (HTML Standard,
 * StructuredSerializeInternal, step 23).
 */
export function observedFields(fields: IncomingHttpHeaders, inputs: RequestInputs): IncomingHttpHeaders {
  Object.defineProperty(fields, inspect.custom, SHOWN);
  const traps = new Traps(inputs);
  traps.proxy = new Proxy(fields, traps);
  return traps.proxy;
}

/** `util.inspect()` looks behind a proxy. There it finds this, and calls it with the proxy as `this`. */
const SHOWN: PropertyDescriptor = {
  configurable: true,
  value: function shown(this: IncomingHttpHeaders): IncomingHttpHeaders {
    return { ...this };
  },
};

class Traps implements ProxyHandler<IncomingHttpHeaders> {
  proxy: IncomingHttpHeaders | undefined;
  /** What the application has set or deleted. */
  #own: Set<string | symbol> | undefined;

  constructor(private readonly inputs: RequestInputs) {}

  get(fields: IncomingHttpHeaders, name: string | symbol, receiver: unknown): unknown {
    // `JSON.stringify()` asks for it first. A log gets a copy at once; any other reader reads all fields.
    if (name === 'toJSON') return this.inputs.read(EVERY_FIELD, read.get) ? () => ({ ...fields }) : undefined;
    this.note(fields, name, read.get);
    return Reflect.get(fields, name, receiver);
  }

  has(fields: IncomingHttpHeaders, name: string | symbol): boolean {
    this.note(fields, name, read.has);
    return Reflect.has(fields, name);
  }

  getOwnPropertyDescriptor(fields: IncomingHttpHeaders, name: string | symbol): PropertyDescriptor | undefined {
    this.note(fields, name, read.getOwnPropertyDescriptor);
    return Reflect.getOwnPropertyDescriptor(fields, name);
  }

  ownKeys(fields: IncomingHttpHeaders): (string | symbol)[] {
    this.inputs.read(EVERY_FIELD, read.ownKeys);
    const names = Reflect.ownKeys(fields);
    // A frozen object must show all that it has (ECMA-262, section 10.5.11).
    return Object.isExtensible(fields) ? names.filter((name) => name !== inspect.custom) : names;
  }

  set(fields: IncomingHttpHeaders, name: string | symbol, value: unknown, receiver: unknown): boolean {
    // An object that inherits from the proxy gets a property of its own.
    if (receiver !== this.proxy) return Reflect.set(fields, name, value, receiver);
    this.own(name);
    return Reflect.set(fields, name, value);
  }

  deleteProperty(fields: IncomingHttpHeaders, name: string | symbol): boolean {
    this.own(name);
    return Reflect.deleteProperty(fields, name);
  }

  defineProperty(fields: IncomingHttpHeaders, name: string | symbol, descriptor: PropertyDescriptor): boolean {
    // `Object.freeze()` leaves the value as it is.
    if ('value' in descriptor || 'get' in descriptor) this.own(name);
    return Reflect.defineProperty(fields, name, descriptor);
  }

  private own(name: string | symbol): void {
    (this.#own ??= new Set()).add(name);
  }

  private note(fields: IncomingHttpHeaders, name: string | symbol, by: (...args: never[]) => unknown): void {
    // Node has all names in lower case, so there is never anything under other names.
    if (typeof name === 'symbol' || name !== name.toLowerCase() || this.#own?.has(name)) return;
    if (ASKED_OF_OBJECTS.has(name) && !Object.hasOwn(fields, name)) return;
    // HTTP/2 has a field of its own for the host (RFC 9113, section 8.3.1).
    this.inputs.read(name === ':authority' ? 'host' : name, by);
  }
}

/** The traps by which something is read. Their caller is the reader. */
const read = Traps.prototype;
