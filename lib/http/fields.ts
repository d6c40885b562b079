/**
 * One header field line: name and value.
 *
 * @publicApi
 */
export type HeaderField = readonly [name: string, value: string];

/** The part of a response before its content. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: readonly HeaderField[];
}

/**
 * All values of a field, one a line.
 *
 * @param name in lower case
 */
export function valuesOf(headers: readonly HeaderField[], name: string): string[] {
  return headers.filter(([field]) => isNamed(field, name)).map(([, value]) => value);
}

/**
 * The value of the first field of that name.
 *
 * @param name in lower case
 */
export function headerOf({ headers }: Pick<ResponseHead, 'headers'>, name: string): string | undefined {
  return headers.find(([field]) => isNamed(field, name))?.[1];
}

/** Compares the lengths first: most names differ in it, and that is quicker to see. */
function isNamed(field: string, name: string): boolean {
  return field.length === name.length && field.toLowerCase() === name;
}
