import * as v from 'valibot';
import { NginxCacheConfigError } from './nginx-cache-config.error.js';
import { similarName } from './similar-name.js';

/** What the message about an option that does not exist begins with; the names follow. */
export const ONE_OF = 'one of ';

/** Where the options are, and which of them must not appear in a log. */
export interface CheckedWhat {
  /** What comes before the names of the options: `memoryStore`, `@PageCache`. Nothing for the options of the module. */
  readonly of?: string;
  /** The names of options that are not shown. */
  readonly secrets?: ReadonlySet<string>;
}

/**
 * Checks options. The messages of the schema are the end of a sentence that begins with "it must be".
 *
 * @throws {NginxCacheConfigError} names the first wrong option, what was given, and what is allowed
 */
export function checked<const T extends v.GenericSchema>(
  schema: T,
  given: unknown,
  { of, secrets }: CheckedWhat = {},
): v.InferOutput<T> {
  const result = v.safeParse(schema, given, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const option = [of, v.getDotPath(issue)].filter(Boolean).join('.') || 'options';
  if (issue.expected === 'never') throw unknownOption(option, issue.message);
  throw new NginxCacheConfigError(option, secrets?.has(option) ? '(not shown)' : issue.input, issue.message);
}

/** @param allowed `one of` and the names that there are */
function unknownOption(option: string, allowed: string): NginxCacheConfigError {
  const given = option.slice(option.lastIndexOf('.') + 1);
  const meant = similarName(given, allowed.slice(ONE_OF.length).split(', '));
  const question = meant === undefined ? '' : ` Did you mean \`${meant}\`?`;
  return new NginxCacheConfigError(option, given, allowed, `There is no option \`${option}\`.${question} It must be`);
}

/** An object of these entries and no others. */
export function strict<T extends v.ObjectEntries>(entries: T) {
  const names = Object.keys(entries).join(', ');
  return v.strictObject(entries, ({ expected }) => {
    if (expected === 'never') return `${ONE_OF}${names}`;
    // The name of an entry that is missing.
    return expected?.startsWith('"') ? 'given' : `an object: { ${names} }`;
  });
}

/** @param what the unit, as in "a whole number of bytes" */
export function wholeNumber(what: string, least: number) {
  const allowed = `a whole number of ${what} from ${least}`;
  return v.pipe(v.number(allowed), v.safeInteger(allowed), v.minValue(least, allowed));
}

export const FLAG = v.boolean('true or false');
export const TAGS = v.array(v.string('a tag, which is a text'), 'a list of tags');
