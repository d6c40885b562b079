/** What every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly module?: string;
  readonly json?: boolean;
}
