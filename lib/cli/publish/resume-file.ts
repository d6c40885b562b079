import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PageKeys } from '../../page/page-key.js';
import { type PageTarget, targetPath } from '../../purging/purge-target.js';
import { linesOf } from './listed-targets.js';

/** Where an interrupted publication notes what it has done, unless `--resume` names another file. */
const DEFAULT_NAME = 'nginx-cache-publish.done';

/** What a publication has done, so that a later one can continue from there. */
export class ResumeFile {
  readonly #done: Set<string>;

  private constructor(
    readonly name: string,
    private readonly path: string,
    done: readonly string[],
  ) {
    this.#done = new Set(done);
  }

  /** @param given the file of an earlier run, as `--resume` names it */
  static async open(given: string | undefined, cwd: string): Promise<ResumeFile> {
    const name = given ?? DEFAULT_NAME;
    return new ResumeFile(name, resolve(cwd, name), given === undefined ? [] : await linesOf(given, cwd));
  }

  /** @param target path and query of a page that need not be published again */
  add(target: string): void {
    this.#done.add(target);
  }

  /** The targets that are left. With several hosts, a path is done only when it was meant for all of them. */
  left(targets: readonly PageTarget[], keys: PageKeys, hosts: readonly string[] | undefined): PageTarget[] {
    if (this.#done.size === 0) return [...targets];
    return targets.filter((target) => {
      if (typeof target !== 'string' && !(target instanceof URL)) return true;
      const [meant] = targetPath(target, hosts);
      if (!meant || (meant.host !== undefined && hosts && hosts.length > 1)) return true;
      const whole = meant.query === '' ? meant.path : `${meant.path}?${meant.query}`;
      const [address] = keys.ofPath(meant.path, meant.host, meant.query);
      return !this.#done.has(whole) && !this.#done.has(address?.target ?? whole);
    });
  }

  async write(): Promise<void> {
    await writeFile(this.path, [...this.#done, ''].join('\n'));
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
