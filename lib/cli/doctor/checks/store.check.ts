import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { inTime } from '../../../async/in-time.js';
import { isSame } from '../../../stores/journal/edition.js';
import { type Check, type Finding, failed, ok } from '../check.js';

/** A store that has not answered by then does not, in milliseconds. */
const PATIENCE = 2000;

/** Is it there, and whose pages does it hold? */
export const storeCheck: Check = {
  name: 'store',
  async run({ storage, options }) {
    const findings: Finding[] = [];
    for (const { server, journal } of storage.parts) {
      const name = server ?? `${options.store.kind}Store()`;
      const error = await failureOf(journal.catchUp());
      if (error !== undefined) {
        findings.push(
          failed(
            `${name} does not answer: ${error}`,
            'Start it, or correct `store` in the options; nothing is stored meanwhile.',
          ),
        );
        continue;
      }
      findings.push(ok(`${name} answers`));
      const { claim, own } = journal.editions;
      if (claim && own && !isSame(claim, own)) {
        findings.push(
          failed(
            `the pages in ${name} belong to an application with other options or of another version`,
            'Give this command, the application and nginx the same options, prefix included, and restart the application.',
          ),
        );
      }
    }
    const { files } = options.store;
    if (files) findings.push(...(await filesAt(files.root)));
    return findings;
  },
};

async function filesAt(root: string): Promise<Finding[]> {
  const isThere = await access(root, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return [
    isThere
      ? ok(`${root} can be read and written`)
      : failed(
          `${root} cannot be read and written by this user`,
          'Make the directory, and let the user of the application write there.',
        ),
  ];
}

/** @returns `undefined` when it has succeeded */
async function failureOf(work: Promise<void>): Promise<string | undefined> {
  try {
    const done = await inTime(
      work.then(() => true),
      PATIENCE,
    );
    return done ? undefined : `no answer within ${PATIENCE} ms`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
