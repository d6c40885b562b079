/** The options of every command. */
export interface GlobalOptions {
  readonly config?: string;
  readonly module?: string;
  readonly json?: boolean;
}
