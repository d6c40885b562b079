import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

/** What takes longer is taken to hang, in milliseconds. */
const PATIENCE = 80_000;

/** What came of a write: what the caller got, and what the database has. */
export interface Outcome {
  readonly result: unknown;
  readonly rows: unknown;
  /** Whether the rows are others than before. */
  readonly isChanged: boolean;
}

/**
 * @param write rejects, or resolves with what JSON can carry
 * @param rows reads the tables past the application
 * @param patience in milliseconds
 */
export async function outcomeOf(
  write: () => Promise<unknown>,
  rows: () => Promise<unknown>,
  patience = PATIENCE,
): Promise<Outcome> {
  const before = plain(await rows());
  const result = await Promise.race([resultOf(write), sleep(patience, { hangs: true }, { ref: false })]);
  const after = plain(await rows());
  return { result, rows: after, isChanged: !isDeepStrictEqual(before, after) };
}

/** What the caller of a write gets. */
export async function resultOf(write: () => Promise<unknown>): Promise<{ value: unknown } | { error: string }> {
  try {
    return { value: plain(await write()) };
  } catch (error) {
    return { error: told(error) };
  }
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** As the application sees it: class, code of the database, message. */
function told(error: unknown): string {
  const { name, message, code = '' } = error as Error & { code?: string };
  // Which of them depends on what the driver notices first.
  if (/terminat|not queryable|ECONNRESET|EPIPE/.test(message)) return 'connection lost';
  // The name of the file of a table is chance.
  return `${name} ${code} ${message.replace(/"base\/.*?"/, 'a table')}`;
}
