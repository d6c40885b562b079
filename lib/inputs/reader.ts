import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HARMLESS_READERS, type HarmlessReader, HELPERS } from './harmless-readers.js';

/** Who has read an input. */
export interface Reader {
  /** File, line and column; of the application, if it is there. */
  readonly place: string;
  /** Known not to make a page of it. */
  readonly harmless: HarmlessReader | undefined;
}

/** What this folder does for others, they do. (In a bundle it has no folder of its own.) */
const OWN = `${import.meta.dirname.replaceAll('\\', '/')}/`;

/** So many calls are looked at. Whoever is farther away is not known to be harmless. */
const DEPTH = 20;

/**
 * Finds out from the call stack who is reading.
 *
 * @param input what is being read
 * @param below the function that was called to read
 */
export function readerBelow(input: string, below: (...args: never[]) => unknown): Reader {
  const calls = callsBelow(below).filter(
    ({ file }) => file !== undefined && !file.startsWith('node:') && !file.startsWith(OWN),
  );
  const reader = calls.find(({ file = '' }) => !HELPERS.test(file));
  const own = calls.find(({ file = '' }) => !isInPackage(file));
  const { file, line, column } = own ?? reader ?? { file: undefined, line: 0, column: 0 };
  return {
    place: file === undefined ? 'unknown code' : `${relative(process.cwd(), file)}:${line}:${column}`,
    harmless: insideOf(input, calls[0]?.file) ?? (reader && harmlessOf(calls.slice(calls.indexOf(reader)))),
  };
}

/**
 * `req.protocol` and `req.hostname` of Express ask whether a proxy that is trusted is in front; what that proxy says counts by itself.
 * `routeOptions` of Fastify says which version of a route was asked for; what chooses the route counts by itself.
 */
const INSIDE: readonly [input: string, file: string, HarmlessReader][] = [
  [':remote-address', '/node_modules/express/lib/request.js', { package: 'express' }],
  ['accept-version', '/node_modules/fastify/lib/request.js', { package: 'fastify' }],
];

function insideOf(input: string, file = ''): HarmlessReader | undefined {
  return INSIDE.find(([of, end]) => of === input && file.endsWith(end))?.[2];
}

function harmlessOf(calls: readonly Call[]): HarmlessReader | undefined {
  const [first, ...others] = calls.map(
    ({ file = '' }) => known(file) ?? (isInPackage(file) ? 'package' : 'application'),
  );
  if (typeof first === 'object' && first.isLog) return first;
  // A function of the application that a logger has called: a serializer, a format.
  const caller = [first, ...others].find((one) => one !== 'application');
  if (first === 'application') return typeof caller === 'object' && caller.isLog ? caller : undefined;
  if (typeof first !== 'object') return undefined;
  // Its caller gets what it reads, so that must not be the application.
  const outside = others.find((one) => typeof one !== 'object');
  return outside === 'package' || (outside === undefined && calls.length < DEPTH / 2) ? first : undefined;
}

/** `undefined` when nothing is known of the file. In a bundle, nothing is. */
function known(file: string): HarmlessReader | undefined {
  const [, name = ''] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file) ?? [];
  return HARMLESS_READERS.find((reader) => reader.package === name && (!reader.files || reader.files.test(file)));
}

function isInPackage(file: string): boolean {
  return file.includes('/node_modules/');
}

interface Call {
  readonly file: string | undefined;
  readonly line: number;
  readonly column: number;
}

function callsBelow(below: (...args: never[]) => unknown): Call[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = DEPTH;
    Error.prepareStackTrace = (_, sites) => sites;
    const trace: { stack?: NodeJS.CallSite[] } = {};
    Error.captureStackTrace(trace, below);
    return (trace.stack ?? []).map((site) => ({
      file: fileOf(site),
      line: site.getLineNumber() ?? 0,
      column: site.getColumnNumber() ?? 0,
    }));
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function fileOf(site: NodeJS.CallSite): string | undefined {
  const name = site.getFileName() ?? undefined;
  return (name?.startsWith('file://') ? fileURLToPath(name) : name)?.replaceAll('\\', '/');
}
