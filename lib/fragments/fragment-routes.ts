/** Where the handlers of fragments are. */
export abstract class FragmentRoutes {
  /** How many there are. */
  abstract readonly size: number;
  /** @returns the path of its handler; `undefined` when there is none */
  abstract pathOf(name: string): string | undefined;
}
