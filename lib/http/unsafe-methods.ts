/** The methods in IANA's registry that change nothing (RFC 9110, section 9.2.1). Any other method may change something (RFC 9111, section 4.4). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY']);

/** Whether a request with the method may have changed something. */
export function isUnsafe(method = 'GET'): boolean {
  return !SAFE_METHODS.has(method);
}
