/** Whether a query may set which tables a name means on its connection, as in applications with a schema for each tenant. */
export function setsSearchPath(query: string): boolean {
  return /\bsearch_path\b/i.test(query) && !/^\s*SHOW\b/i.test(query);
}
