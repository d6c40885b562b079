/** Where the handler of a fragment is. */
export interface FragmentRoute {
  readonly path: string;
  /** Whether its HTML is the same for everybody, and stored. */
  readonly isShared: boolean;
}

/** Where the handlers of fragments are. */
export abstract class FragmentRoutes {
  /** How many there are. */
  abstract readonly size: number;
  /** @returns the route of its handler; `undefined` when there is none */
  abstract of(name: string): FragmentRoute | undefined;
}
