import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Claim, decodeClaim, encodeClaim } from '../journal/edition.js';
import { FileStoreError } from './file-store.error.js';
import { withDirectory } from './make-directory.js';

/** The edition that may store pages, written down for processes that start later. The file is replaced in one step. */
export class ClaimFile {
  constructor(private readonly path: string) {}

  /** Synchronous for the same reason as `FileJournal.read()`. */
  read(): Claim | undefined {
    try {
      return decodeClaim(readFileSync(this.path, 'latin1'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async write(claim: Claim): Promise<void> {
    const draft = `${this.path}-${randomUUID()}`;
    try {
      await withDirectory(dirname(this.path), () => writeFile(draft, encodeClaim(claim), { mode: 0o644 }));
      await rename(draft, this.path);
    } catch (error) {
      await unlink(draft).catch(() => {});
      throw new FileStoreError('write the edition down', dirname(this.path), error);
    }
  }
}
