/** The exit codes of the command. */
export const ExitCode = {
  OK: 0,
  /** Something is not as it should be: files differ, a page failed, a purge is pending, a check found a fault. */
  PROBLEM: 1,
  /** Wrong arguments or a wrong configuration: nothing has been done. */
  USAGE: 2,
  /** Ctrl-C: what was done until then stays (128 + SIGINT, as in shells). */
  INTERRUPTED: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
