import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { healthOfPart } from '../../../module/page-cache-health.js';
import { isSame } from '../../../stores/journal/edition.js';
import { type Check, type Finding, failed, ok } from '../check.js';

/** Whether the store answers, and whose pages it holds. */
export const storeCheck: Check = {
  name: 'store',
  async run({ storage, options }) {
    const findings: Finding[] = [];
    for (const part of storage.parts) {
      const name = part.server ?? `${options.store.kind}Store()`;
      const { isReachable, error = '' } = await healthOfPart(part);
      if (!isReachable) {
        findings.push(
          failed(
            `${name} does not answer: ${error}`,
            'Start it, or correct `store` in the options; nothing is stored meanwhile.',
          ),
        );
        continue;
      }
      findings.push(ok(`${name} answers`));
      const { claim, own } = part.journal.editions;
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
