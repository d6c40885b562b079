type By = (...args: never[]) => unknown;

/** The values of the properties that an object has itself, without those that have a getter. */
export type OwnValues = ReadonlyMap<PropertyKey, unknown>;

export function ownValues(target: object): OwnValues {
  const values = new Map<PropertyKey, unknown>();
  for (const name of Reflect.ownKeys(target)) {
    const property = Reflect.getOwnPropertyDescriptor(target, name);
    if (property && 'value' in property) values.set(name, property.value);
  }
  return values;
}

/** What Node itself sets on a request while it arrives and is read (lib/_http_incoming.js, lib/events.js). */
const OF_NODE: ReadonlySet<PropertyKey> = new Set([
  'complete',
  'aborted',
  'rawTrailers',
  '_consumed',
  '_dumped',
  '_events',
  '_eventsCount',
]);

/** The properties that have been set since then. */
export function setSince(before: OwnValues, target: object): PropertyKey[] {
  const left: PropertyKey[] = [];
  for (const [name, value] of ownValues(target)) {
    if (!OF_NODE.has(name) && !Object.is(before.get(name), value)) left.push(name);
  }
  return left;
}

/** What questions have left on requests that were not observed yet. */
const leftEarly = new WeakMap<object, PropertyKey[]>();

/** What a request is like, for `noteLeft()`. This takes 50 ns: hits need no more. */
export function copyOf(request: object): object {
  return { ...request };
}

/**
 * Must be called when a question about a request has been asked before the request is observed.
 *
 * @param before a copy of the request from before
 */
export function noteLeft(request: object, before: object): void {
  const names = setSince(ownValues(before), copyOf(request));
  if (names.length > 0) leftEarly.set(request, names);
}

export function leftOn(request: object): readonly PropertyKey[] {
  return leftEarly.get(request) ?? [];
}

/**
 * Tells when somebody reads a property that has been left on an object. When it is set again, it is a property like any other.
 *
 * @param onRead is given the function by which the property is read
 */
export function watchProperty(target: object, name: PropertyKey, onRead: (by: By) => void): void {
  const { configurable, enumerable = true, value } = Reflect.getOwnPropertyDescriptor(target, name) ?? {};
  // It cannot be watched, so it may have been read.
  if (!configurable) return onRead(watchProperty);
  Object.defineProperty(target, name, {
    configurable,
    enumerable,
    get: function get(): unknown {
      onRead(get);
      return value;
    },
    set(this: object, next: unknown) {
      Object.defineProperty(this, name, { configurable: true, enumerable, writable: true, value: next });
    },
  });
}
