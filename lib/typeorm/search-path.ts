/** Whether a query may set which tables a name means on its connection, as in applications with a schema for each tenant. `SET SCHEMA` is an alias. */
export function setsSearchPath(query: string): boolean {
  return /\bsearch_path\b|\bSET\s+(?:SESSION\s+|LOCAL\s+)?SCHEMA\b/i.test(query) && !/^\s*SHOW\b/i.test(query);
}
