import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { EVERY_FIELD, inputsOf, type RawFields, type RequestInputs, setInputs } from './request-inputs.js';

type By = (...args: never[]) => unknown;

/**
 * Puts other fields in the place of those that were sent.
 *
 * @param inputs the inputs of the request, with the raw forms of these fields
 */
export function replaceFields(request: IncomingMessage, fields: IncomingHttpHeaders, inputs: RequestInputs): void {
  setInputs(request, inputs);
  if (!isHttp2(request)) {
    request.headers = fields;
    Object.defineProperty(request, 'rawHeaders', RAW_HEADERS);
    Object.defineProperty(request, 'headersDistinct', HEADERS_DISTINCT);
    return;
  }
  // Node keeps both under symbols, and reads everything else from these.
  const slot = (name: string) =>
    Object.getOwnPropertySymbols(request).find(({ description }) => description === name) ?? name;
  Object.assign(request, { [slot('headers')]: fields });
  Object.defineProperty(request, slot('rawHeaders'), { configurable: true, get: rawHeaders });
}

/** All requests share these functions: V8 gives objects with accessors of their own no common shape. */
const RAW_HEADERS: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get: rawHeaders,
  set: setterOf('rawHeaders'),
};
const HEADERS_DISTINCT: PropertyDescriptor = {
  configurable: true,
  get: headersDistinct,
  set: setterOf('headersDistinct'),
};

function rawHeaders(this: IncomingMessage): string[] | undefined {
  const fields = readRaw(this, rawHeaders);
  return fields && (fields.raw ??= fields.list());
}

function headersDistinct(this: IncomingMessage): NodeJS.Dict<string[]> | undefined {
  const fields = readRaw(this, headersDistinct);
  return fields && (fields.distinct ??= distinct(fields.list()));
}

function readRaw(request: IncomingMessage, by: By): RawFields | undefined {
  const inputs = inputsOf(request);
  if (inputs?.raw.isObserved) inputs.read(EVERY_FIELD, by);
  return inputs?.raw;
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
