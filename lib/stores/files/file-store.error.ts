const ADVICE: Record<string, string> = {
  EACCES: "give the application's user the right to write there",
  EPERM: "give the application's user the right to write there",
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full (or out of inodes): make room, or give a smaller maxBytes',
  EDQUOT: 'the quota is used up: make room, or give a smaller maxBytes',
  EMFILE: 'too many open files: raise the limit of the process',
  ENAMETOOLONG: 'the file system allows no names of 255 bytes',
  ENOTDIR: 'something that is no directory is in the way',
};

/** What failed, where, why, and what to do. */
export class FileStoreError extends Error {
  override readonly name = 'FileStoreError';
  readonly code: string | undefined;

  constructor(what: string, root: string, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const advice = ADVICE[code ?? ''];
    super(`fileStore: cannot ${what} below ${root}: ${message}${advice ? `; ${advice}` : ''}`, { cause });
    this.code = code;
  }
}

/** Error codes for a file that does not exist, or no longer exists. */
export const GONE = ['ENOENT', 'ENOTDIR'];

/** Waits for a promise; if it fails with one of the codes, the result is `otherwise`. */
export async function unless<T, U>(codes: readonly string[], otherwise: U, run: Promise<T>): Promise<T | U> {
  try {
    return await run;
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  }
}
