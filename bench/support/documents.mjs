// Figures in documents stand between two comments: `<!-- bench: name -->` and `<!-- /bench -->`.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

/** @throws Error when the document has no such place */
export async function replaceIn(file, name, text) {
  const old = readFileSync(file, 'utf8');
  const place = new RegExp(`(<!-- bench: ${name} -->\n)[^]*?(<!-- /bench -->)`);
  if (!place.test(old)) throw new Error(`${file} has no place for ${name}`);
  await writeFormatted(
    file,
    old.replace(place, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  );
}

export async function writeFormatted(file, text) {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}
