import { Help } from 'commander';

const help = new Help();
help.minWidthToWrap = 0;

/**
 * The lines of a text, broken between words. A word that is longer than a line stays whole.
 *
 * @param width in characters
 */
export function wrapped(text: string, width: number): string[] {
  return help.boxWrap(text, width).split('\n');
}
