/**
 * What one cache says of a response (RFC 9211).
 */
export interface CacheStatus {
  cache: string;
  /** By lower-case name; a parameter without a value is true (RFC 8941, section 3.1.2). */
  parameters: ReadonlyMap<string, string | number | boolean>;
}

const SPACE = /[ \t]*/y;
const KEY = /[a-z*][a-z0-9_.*-]*/y;
const BARE_ITEM =
  /(?<token>[A-Za-z*][!#$%&'*+.^`|~\w:/-]*)|"(?<string>(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"|\?(?<boolean>[01])|(?<number>-?\d{1,15}(?:\.\d{1,3})?)|:(?<bytes>[A-Za-z0-9+/=]*):/y;

/**
 * Reads a `Cache-Status` field: a list (RFC 8941, section 3.1) of caches, the one closest to the client last.
 *
 * @param field repeated fields joined by commas
 * @throws Error that shows where the field is malformed
 */
export function parseCacheStatus(field: string): CacheStatus[] {
  let position = 0;
  const fail = (expected: string): never => {
    throw new Error(`malformed Cache-Status: ${expected} expected at character ${position + 1} of "${field}"`);
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(field);
    if (found) position = pattern.lastIndex;
    return found;
  };
  const take = (character: string): boolean => {
    const found = field[position] === character;
    if (found) position++;
    return found;
  };
  const bareItem = (): string | number | boolean => {
    const { token, string, boolean, number, bytes } = match(BARE_ITEM)?.groups ?? fail('a value');
    if (boolean !== undefined) return boolean === '1';
    if (number !== undefined) return Number(number);
    return token ?? string?.replace(/\\(.)/g, '$1') ?? bytes ?? '';
  };
  const parameters = (): CacheStatus['parameters'] => {
    const found = new Map<string, string | number | boolean>();
    while (take(';')) {
      match(/ */y);
      const [name] = match(KEY) ?? fail('a parameter');
      found.set(name, take('=') ? bareItem() : true);
    }
    return found;
  };

  const caches: CacheStatus[] = [];
  match(SPACE);
  while (position < field.length) {
    caches.push({ cache: String(bareItem()), parameters: parameters() });
    match(SPACE);
    if (position === field.length) break;
    if (!take(',')) fail('a comma');
    match(SPACE);
    if (position === field.length) fail('another cache');
  }
  return caches;
}
