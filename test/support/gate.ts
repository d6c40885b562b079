/** A place where something waits until it is let go. */
export class Gate {
  #reach!: () => void;
  #open!: () => void;
  readonly reached = new Promise<void>((resolve) => (this.#reach = resolve));
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  async pass(): Promise<void> {
    this.#reach();
    await this.#opened;
  }

  open(): void {
    this.#open();
  }
}
