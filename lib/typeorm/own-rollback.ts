/**
 * Whether an error of SQLite may have rolled back the whole transaction. A read can cause such an error, too
 * (https://www.sqlite.org/lang_transaction.html, section 3).
 */
export function hasEndedTransaction(error: unknown): boolean {
  const { driverError = error } = error as { driverError?: unknown };
  const { code, message } = (driverError ?? {}) as { code?: unknown; message?: unknown };
  return (
    /^SQLITE_(FULL|IOERR|NOMEM)/.test(String(code)) ||
    /^(SQLITE_(FULL|IOERR|NOMEM)|out of memory$)/.test(String(message))
  );
}
