import { wrapped } from './wrapped.js';

/** How far the explanation of an example is indented where it has a line of its own. */
const INDENT = 6;

/** A left column that is wider than this is not repeated as empty space in front of what is right of it. */
const NARROW = 12;

/**
 * The text below the options of a command, for a terminal of any width. Examples stay on one line, so that they can be copied.
 *
 * @param text lines of two columns, or of one
 * @param width in characters
 */
export function fittedHelp(text: string, width: number): string {
  return text
    .split('\n\n')
    .map((paragraph) => fittedParagraph(paragraph.split('\n'), width).join('\n'))
    .join('\n\n');
}

/** If one example of a list does not fit, all of them have their explanations on lines of their own. */
function fittedParagraph(lines: readonly string[], width: number): string[] {
  if (lines.every((line) => line.length <= width)) return [...lines];
  return lines.flatMap((line) => fittedLine(line, width));
}

function fittedLine(line: string, width: number): string[] {
  const [, left = '', gap = '', right = ''] = /^( *\S.*?)( {2,})(\S.*)$/.exec(line) ?? [];
  if (left === '') {
    const indent = line.length - line.trimStart().length;
    return /^ *(?:nginx-cache|zcat) /.test(line) ? [line] : indented(line.trim(), indent, width);
  }
  if (left.length > NARROW) return [left, ...indented(right, INDENT, width)];
  const [first = '', ...rest] = indented(right, left.length + gap.length, width);
  return [left + gap + first.trimStart(), ...rest];
}

function indented(text: string, indent: number, width: number): string[] {
  return wrapped(text, width - indent).map((line) => ' '.repeat(indent) + line);
}
