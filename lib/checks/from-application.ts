import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Optional packages of the application, as its main script finds them.
 *
 * Neither `import.meta` nor `import()` can find them: Jest and bundlers turn this module into CommonJS, where `import.meta` is a syntax error
 * or empty, and options are checked before anything can be awaited. The working directory helps if the main script is not the
 * application's own.
 */
export const fromApplication = {
  has(name: string): boolean {
    try {
      resolve(name);
      return true;
    } catch {
      return false;
    }
  },

  /**
   * Where a package, or a file of it, is.
   *
   * @throws Error when it is not installed
   */
  find(name: string): string {
    return resolve(name);
  },

  /** @throws Error when the package is not installed */
  load(name: string): unknown {
    return fromHere()(resolve(name));
  },
};

function resolve(name: string): string {
  const main = process.argv[1];
  return fromHere().resolve(name, { paths: [...(main ? [dirname(main)] : []), process.cwd()] });
}

function fromHere(): NodeJS.Require {
  return createRequire(join(process.cwd(), 'main.js'));
}
