/** Stands for everything that nginx must know as well. */
export class Fingerprint {
  /** @param current as `fingerprintOf()` gives it; `undefined` where no nginx reads the store. It changes with the list of servers */
  constructor(public current: string | undefined) {}
}
