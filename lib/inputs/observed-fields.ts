import { inspect } from 'node:util';
import type { IncomingHttpHeaders } from 'node:http';
import { EVERY_FIELD, type RequestInputs } from './request-inputs.js';

/** What libraries ask every object for (is it a promise, an Observable, a list?). As fields, they count only when somebody sends them. */
const ASKED_OF_OBJECTS = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  'then',
  'lift',
  'subscribe',
  'pipe',
  'length',
]);

/** In the place of `request.headers`: the same to whoever reads it, and notes what is read. What is absent counts: others may send it. */
export function observedFields(fields: IncomingHttpHeaders, inputs: RequestInputs): IncomingHttpHeaders {
  return new Proxy(new Fields(fields, inputs), traps) as unknown as IncomingHttpHeaders;
}

/** The target of the proxy. */
class Fields {
  constructor(
    readonly fields: IncomingHttpHeaders,
    readonly inputs: RequestInputs,
  ) {
    // `util.inspect()` looks at the target of a proxy, and asks it with the proxy as `this`.
    const shown = (): IncomingHttpHeaders => {
      inputs.read(EVERY_FIELD, shown);
      return { ...fields };
    };
    Object.defineProperty(this, inspect.custom, { value: shown, configurable: true });
  }
}

const traps: ProxyHandler<Fields> = {
  get: function get({ fields, inputs }, name) {
    // `JSON.stringify()` asks for it first. A log gets a copy at once; whoever else asks reads all fields.
    if (name === 'toJSON') return inputs.read(EVERY_FIELD, get) ? () => ({ ...fields }) : undefined;
    note(fields, inputs, name, get);
    return Reflect.get(fields, name) as unknown;
  },
  has: function has({ fields, inputs }, name) {
    note(fields, inputs, name, has);
    return Reflect.has(fields, name);
  },
  getOwnPropertyDescriptor: function descriptor({ fields, inputs }, name) {
    note(fields, inputs, name, descriptor);
    const found = Reflect.getOwnPropertyDescriptor(fields, name);
    // The target does not have it, so it must not be final.
    return found && { ...found, configurable: true };
  },
  ownKeys: function ownKeys({ fields, inputs }) {
    inputs.read(EVERY_FIELD, ownKeys);
    return Reflect.ownKeys(fields);
  },
  set: ({ fields }, name, value) => Reflect.set(fields, name, value),
  deleteProperty: ({ fields }, name) => Reflect.deleteProperty(fields, name),
  defineProperty: ({ fields }, name, descriptor) =>
    Reflect.defineProperty(fields, name, { configurable: true, ...descriptor }),
  getPrototypeOf: ({ fields }) => Reflect.getPrototypeOf(fields),
};

function note(
  fields: IncomingHttpHeaders,
  inputs: RequestInputs,
  name: string | symbol,
  by: (...args: never[]) => unknown,
): void {
  // Node has all names in lower case: there is never anything under another.
  if (typeof name === 'symbol' || name !== name.toLowerCase()) return;
  if (ASKED_OF_OBJECTS.has(name) && !Object.hasOwn(fields, name)) return;
  // HTTP/2 says the host in a field of its own (RFC 9113, section 8.3.1).
  inputs.read(name === ':authority' ? 'host' : name, by);
}
