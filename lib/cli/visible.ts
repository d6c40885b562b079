/**
 * A text on one line, with control characters as `\x1B`. Addresses, tags and fields may come from visitors, and a terminal obeys what such
 * characters say.
 */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, escaped);
}

/** A text of several lines. It keeps the styles in which the command writes. */
export function visibleLines(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- these sequences are the ones that may be written
    /(\u001B\[(?:1|2|22|31|32|33|36|39)m|\r?\n|\t)|\p{Cc}/gu,
    (found, kept: string | undefined) => kept ?? escaped(found),
  );
}

/** JSON, in which only the control characters below space are escaped otherwise. */
export function visibleJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[\x7F-\x9F]/g, (char) => `\\u00${code(char)}`);
}

function escaped(char: string): string {
  return `\\x${code(char)}`;
}

function code(char: string): string {
  return char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}
