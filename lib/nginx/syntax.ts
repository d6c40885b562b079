/** A block: `head { … }`, its lines indented. */
export function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => (line === '' ? '' : `    ${line}`)), '}'];
}

/** A parameter in quotes. Sources of patterns and checked options hold neither quotes nor backslashes at their end. */
export function quoted(text: string): string {
  return `"${text.replace(/"/g, '\\"')}"`;
}

/** A `map` (ngx_http_map_module). Patterns are tried in their order; the first that matches wins. */
export function map(from: string, to: string, lines: readonly [from: string, to: string][]): string[] {
  return block(
    `map ${from} ${to}`,
    lines.map(([key, value]) => `${key === 'default' ? key : quoted(key)} ${quoted(value)};`),
  );
}
