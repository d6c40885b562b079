/** A block: `head { … }`, its lines indented. */
export function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => (line === '' ? '' : `    ${line}`)), '}'];
}

/** A parameter in quotes. A `$` in it begins a variable. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** The source of a pattern in quotes. nginx leaves a backslash alone unless a quote or a backslash follows it. */
function quotedSource(source: string): string {
  return `"${source.replace(/"/g, '\\"')}"`;
}

/** A `map` (ngx_http_map_module). Patterns are tried in their order; the first that matches wins. */
export function map(from: string, to: string, lines: readonly [from: string, to: string][]): string[] {
  return block(
    `map ${from} ${to}`,
    lines.map(([key, value]) => `${mapKey(key)} ${quoted(value)};`),
  );
}

function mapKey(key: string): string {
  if (key === 'default') return key;
  return key.startsWith('~') ? quotedSource(key) : quoted(key);
}
