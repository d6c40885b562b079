import type { IncomingMessage } from 'node:http';
import { HARMLESS_READERS } from './harmless-readers.js';
import { inputsOf } from './request-inputs.js';

const COPIES = Symbol('nestjs-nginx-cache: copies');
type Observed = IncomingMessage & { [COPIES]?: Record<string, unknown> };

/** Properties of a request in which libraries keep what they have read. */
const properties: PropertyDescriptorMap = Object.fromEntries(
  HARMLESS_READERS.flatMap(({ copies = {} }) => Object.entries(copies)).map(([name, inputs]) => [
    name,
    {
      configurable: true,
      get: function get(this: Observed): unknown {
        const copies = this[COPIES];
        // Express has getters of these names.
        if (!copies || !Object.hasOwn(copies, name))
          return Reflect.get(Object.getPrototypeOf(this) as object, name, this);
        inputsOf(this)?.readCopy(inputs, get);
        return copies[name];
      },
      set(this: Observed, value: unknown): void {
        if (!this[COPIES]) Object.defineProperty(this, COPIES, { value: {} });
        (this[COPIES] as Record<string, unknown>)[name] = value;
      },
    },
  ]),
);

/** Notes when such a property is read. */
export function observeCopies(request: IncomingMessage): void {
  Object.defineProperties(request, properties);
}
