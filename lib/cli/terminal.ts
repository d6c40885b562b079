import { styleText } from 'node:util';

type StyleFormat = Parameters<typeof styleText>[0];

/** Where a command writes to: a terminal, a pipe or a file; in tests, a string. */
export interface Output {
  /** @param taken is called when there is room for more */
  write(text: string, taken?: () => void): unknown;
  readonly isTTY?: boolean;
  /** Width in characters; absent if it is not a terminal. */
  readonly columns?: number;
  /** Height in lines; absent if it is not a terminal. */
  readonly rows?: number;
}

/** The surroundings of the command. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Writes text in a style, or plainly. */
export type Style = (format: StyleFormat, text: string) => string;

/**
 * Colours only on a terminal, unless the environment says otherwise.
 *
 * @see https://no-color.org
 * @see https://force-color.org
 */
export function styleFor({ isTTY = false }: Output, env: NodeJS.ProcessEnv): Style {
  const isForced = Boolean(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0';
  const isPlain = Boolean(env['NO_COLOR']) || env['TERM'] === 'dumb' || !isTTY;
  return isForced || !isPlain
    ? (format, text) => styleText(format, text, { validateStream: false })
    : (_, text) => text;
}
