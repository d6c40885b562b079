import { findSourceMap, type SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A place in the code. In a bundle, it is the place in the source, if Node knows the source map (`--enable-source-maps`). */
export interface Call {
  /** With slashes; `undefined` for code without a file. */
  readonly file: string | undefined;
  readonly line: number;
  readonly column: number;
}

interface File {
  readonly path: string;
  readonly map: SourceMap | undefined;
}

/** How many files are remembered. An application has some hundreds, but code that is made at run time may have any name. */
const MAX_FILES = 2000;
const files = new Map<string, File>();

/**
 * The callers of a function, the nearest first.
 *
 * @param below the function
 * @param depth how many calls are looked at
 */
export function callsBelow(below: (...args: never[]) => unknown, depth: number): Call[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = depth;
    Error.prepareStackTrace = (_, sites) => sites;
    const trace: { stack?: NodeJS.CallSite[] } = {};
    Error.captureStackTrace(trace, below);
    return (trace.stack ?? []).map(callOf);
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function callOf(site: NodeJS.CallSite): Call {
  const name = site.getFileName();
  const [line, column] = [site.getLineNumber() ?? 0, site.getColumnNumber() ?? 0];
  if (typeof name !== 'string') return { file: undefined, line, column };
  const { path, map } = fileOf(name);
  if (!map) return { file: path, line, column };
  const found = map.findEntry(line - 1, column - 1);
  if (!('originalSource' in found)) return { file: path, line, column };
  return {
    file: pathOf(found.originalSource),
    line: found.originalLine + 1,
    column: found.originalColumn + 1,
  };
}

function fileOf(name: string): File {
  const known = files.get(name);
  if (known) return known;
  const file = { path: pathOf(name), map: findSourceMap(name) };
  if (files.size < MAX_FILES) files.set(name, file);
  return file;
}

function pathOf(name: string): string {
  const path = (name.startsWith('file://') ? fileURLToPath(name) : name).replaceAll('\\', '/');
  // Bundlers name sources relative to where they were started.
  return path.startsWith('node_modules/') ? `/${path}` : path;
}
