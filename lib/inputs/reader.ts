import { relative } from 'node:path';
import { type Call, callsBelow } from './call-stack.js';
import { HARMLESS_READERS, type HarmlessReader, HELPERS } from './harmless-readers.js';

/** Who has read an input. */
export interface Reader {
  /** File, line and column: in the application, if the application is among the callers. */
  readonly place: string;
  /** The library that has read the input, if it is known to make no page from it. */
  readonly harmless: HarmlessReader | undefined;
  /** The framework, if it has read the input itself, to answer a question of the application. */
  readonly framework: 'express' | 'fastify' | undefined;
}

/** This folder; `undefined` in a bundle without a source map, where it is part of a larger file. */
const OWN = /^(.*\/inputs\/)reader\.[jt]s$/.exec(here()?.file ?? '')?.[1];

/** Whether this library, and all other code in the same bundle, cannot be recognised. */
export const IS_BUNDLED = OWN === undefined;

/** How many calls are looked at. A reader that is farther away is not known to be harmless. */
const DEPTH = 20;

/**
 * Finds out from the call stack who is reading.
 *
 * @param input what is being read
 * @param below the function that was called to read
 */
export function readerBelow(input: string, below: (...args: never[]) => unknown): Reader {
  // Calls in this folder are left out: it reads for others.
  const calls = callsBelow(below, DEPTH).filter(
    ({ file }) => file !== undefined && !file.startsWith('node:') && !(OWN !== undefined && file.startsWith(OWN)),
  );
  const reader = calls.find(({ file = '' }) => !HELPERS.test(file));
  const place = calls.find(({ file = '' }) => !isInPackage(file)) ?? reader;
  const framework = frameworkOf(calls[0]);
  return {
    get place() {
      return place?.file === undefined
        ? 'unknown code'
        : `${relative(process.cwd(), place.file)}:${place.line}:${place.column}`;
    },
    framework,
    harmless: insideOf(input, framework) ?? (reader && harmlessOf(calls.slice(calls.indexOf(reader)))),
  };
}

/** The place from which this is called. */
function here(): Call | undefined {
  return callsBelow(here, 1)[0];
}

/** The framework, if it is the framework itself that has read a field. */
export function frameworkBelow(below: (...args: never[]) => unknown): Reader['framework'] {
  return frameworkOf(callsBelow(below, 1)[0]);
}

function frameworkOf(call: Call | undefined): Reader['framework'] {
  return /\/node_modules\/(express|fastify)\/lib\/request\.js$/.exec(call?.file ?? '')?.[1] as Reader['framework'];
}

/** `routeOptions` of Fastify says which version of a route was asked for. The read that chooses the route counts by itself. */
function insideOf(input: string, framework: Reader['framework']): HarmlessReader | undefined {
  return input === 'accept-version' && framework === 'fastify' ? { package: 'fastify' } : undefined;
}

function harmlessOf(calls: readonly Call[]): HarmlessReader | undefined {
  const [first, ...others] = calls.map(
    ({ file = '' }) => known(file) ?? (isInPackage(file) ? 'package' : 'application'),
  );
  if (typeof first === 'object' && first.isLog) return first;
  // A function of the application that a logger has called, such as a serializer or a format.
  const caller = [first, ...others].find((one) => one !== 'application');
  if (first === 'application') return typeof caller === 'object' && caller.isLog ? caller : undefined;
  if (typeof first !== 'object') return undefined;
  // The caller gets what the library reads, so the caller must not be the application.
  const outside = others.find((one) => typeof one !== 'object');
  return outside === 'package' || (outside === undefined && calls.length < DEPTH / 2) ? first : undefined;
}

/** `undefined` when nothing is known about the file. In a bundle without a source map, nothing is known about any file. */
function known(file: string): HarmlessReader | undefined {
  const [, name = ''] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file) ?? [];
  return HARMLESS_READERS.find((reader) => reader.package === name && (!reader.files || reader.files.test(file)));
}

function isInPackage(file: string): boolean {
  return file.includes('/node_modules/');
}
