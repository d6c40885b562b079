/** When which version of a thing was promised to everybody. */
export class VersionPromises {
  readonly #kept: [version: number, time: number][][];

  constructor(things: number) {
    this.#kept = Array.from({ length: things }, () => []);
  }

  keep(thing: number, version: number): void {
    this.#kept[thing]!.push([version, performance.now()]);
  }

  /** Since when a request that began at a time must have got a newer version; `Infinity` when it need not have. */
  brokenSince(thing: number, version: number, begun: number): number {
    let since = Infinity;
    for (const [newer, time] of this.#kept[thing]!) if (newer > version && time < begun) since = Math.min(since, time);
    return since;
  }
}
