/** Stands for everything that nginx must know, too. */
export class Fingerprint {
  /** @param current as `fingerprintOf()` gives it; `undefined` when no nginx reads the store. It changes with the list of servers */
  constructor(public current: string | undefined) {}
}
