import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { EVERY_FIELD, inputsOf } from './request-inputs.js';

/** The same fields as they stand in the message, name and value in turn. */
interface RawFields {
  readonly isObserved: boolean;
  readonly list: () => string[];
  raw?: string[];
  distinct?: NodeJS.Dict<string[]>;
}

const RAW = Symbol('nestjs-nginx-cache: raw fields');
type Message = IncomingMessage & { [RAW]?: RawFields };
type By = (...args: never[]) => unknown;

/**
 * Puts other fields in the place of those that were sent.
 *
 * @param isObserved whether it counts when the raw fields are read
 * @param list the raw fields; it is asked when somebody wants them
 */
export function replaceFields(
  request: IncomingMessage,
  fields: IncomingHttpHeaders,
  isObserved: boolean,
  list: () => string[],
): void {
  Object.defineProperty(request, RAW, { value: { isObserved, list } satisfies RawFields });
  if (!isHttp2(request)) {
    request.headers = fields;
    Object.defineProperties(request, HTTP1);
    return;
  }
  // Node keeps both under symbols, from which all else is read.
  const slot = (name: string) =>
    Object.getOwnPropertySymbols(request).find(({ description }) => description === name) ?? name;
  Object.assign(request, { [slot('headers')]: fields });
  Object.defineProperty(request, slot('rawHeaders'), { configurable: true, get: rawHeaders });
}

/** The same functions for all requests: V8 gives objects with accessors of their own no common shape. */
const HTTP1: PropertyDescriptorMap = {
  rawHeaders: { configurable: true, enumerable: true, get: rawHeaders, set: setterOf('rawHeaders') },
  headersDistinct: { configurable: true, get: headersDistinct, set: setterOf('headersDistinct') },
};

function rawHeaders(this: Message): string[] | undefined {
  const fields = readRaw(this, rawHeaders);
  return fields && (fields.raw ??= fields.list());
}

function headersDistinct(this: Message): NodeJS.Dict<string[]> | undefined {
  const fields = readRaw(this, headersDistinct);
  return fields && (fields.distinct ??= distinct(fields.list()));
}

function readRaw(request: Message, by: By): RawFields | undefined {
  const fields = request[RAW];
  if (fields?.isObserved) inputsOf(request)?.read(EVERY_FIELD, by);
  return fields;
}

function setterOf(name: string): (value: unknown) => void {
  return function set(this: object, value) {
    Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true });
  };
}

/** As Node's `headersDistinct`. */
function distinct(raw: readonly string[]): NodeJS.Dict<string[]> {
  const fields = Object.create(null) as Record<string, string[]>;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    (fields[(raw[index] ?? '').toLowerCase()] ??= []).push(raw[index + 1] ?? '');
  }
  return fields;
}

export function isHttp2(request: IncomingMessage): request is IncomingMessage & Http2ServerRequest {
  return request.httpVersionMajor === 2;
}
