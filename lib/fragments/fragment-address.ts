import { literal } from '../rules/pattern.js';
import { FRAGMENT_PATH, SHARED_FRAGMENT_PATH } from '../page/fragment-paths.js';

/** The longest address of a fragment, in bytes: nginx reads this much of an SSI parameter (`ssi_value_length`). */
export const ADDRESS_MAX_LENGTH = 1000;

/** Sources of regular expressions. */
const NAME = '[A-Za-z0-9][A-Za-z0-9_-]{0,39}';
const PARAMETER = '[A-Za-z0-9_.-]{1,40}';
/** What `encodeURIComponent` leaves. It has nothing that ends a parameter of SSI, or begins a variable in it. */
const VALUE = "(?:[A-Za-z0-9_.!~*'()-]|%[0-9A-F]{2})*";

const QUERY = `${PARAMETER}=${VALUE}(?:&${PARAMETER}=${VALUE})*`;

/** The same for a segment of a path, which nginx decodes: `:` for `=`, `,` for `&` and `=` for `%`. No value has these characters. */
const SHARED_VALUE = VALUE.replace('%', '=');
const SEGMENT = `${PARAMETER}:${SHARED_VALUE}(?:,${PARAMETER}:${SHARED_VALUE})*`;

const LEAD = literal(FRAGMENT_PATH);
const SHARED_LEAD = literal(SHARED_FRAGMENT_PATH);

/** The address of a fragment. */
export const ADDRESS = `(?:${LEAD}${NAME}(?:\\?${QUERY})?|${SHARED_LEAD}${NAME}(?:/${SEGMENT})?)`;

const WHOLE_NAME = new RegExp(`^${NAME}$`);
const WHOLE_PARAMETER = new RegExp(`^${PARAMETER}$`);
const WHOLE_ADDRESS = new RegExp(`^${LEAD}(?<name>${NAME})(?:\\?(?<query>${QUERY}))?$`);
const WHOLE_SHARED_ADDRESS = new RegExp(`^${SHARED_LEAD}(?<name>${NAME})(?:/(?<params>${SEGMENT}))?$`);

/**
 * The parameters of a fragment. `undefined` leaves a parameter out.
 *
 * @publicApi
 */
export type FragmentParams = Readonly<Record<string, string | number | boolean | undefined>>;

export function isFragmentName(name: unknown): name is string {
  return typeof name === 'string' && WHOLE_NAME.test(name);
}

/**
 * @throws {TypeError} for a name or a parameter that cannot stand in an address
 * @throws {RangeError} when the address would be too long
 */
export function fragmentAddress(name: string, params: FragmentParams): string {
  if (!isFragmentName(name)) {
    throw new TypeError(
      `${JSON.stringify(name)} is not a valid name of a fragment: up to 40 of the characters A-Z a-z 0-9 _ -, a letter or a digit first.`,
    );
  }
  const pairs = Object.entries(params).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (!WHOLE_PARAMETER.test(key)) {
      throw new TypeError(
        `${JSON.stringify(key)} is not a valid parameter of a fragment: up to 40 of the characters A-Z a-z 0-9 _ . -`,
      );
    }
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(`The parameter ${key} of the fragment ${name} must be a string, a number or a boolean.`);
    }
    return [`${key}=${encodeURIComponent(wellFormed(String(value)))}`];
  });
  const address = `${FRAGMENT_PATH}${name}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`;
  if (address.length > ADDRESS_MAX_LENGTH) {
    throw new RangeError(
      `The parameters of the fragment ${name} are too long: its address may have ${ADDRESS_MAX_LENGTH} bytes and would have ${address.length}.`,
    );
  }
  return address;
}

/** Half a surrogate pair cannot be encoded. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** A fragment that a page, or another fragment, asks for. */
export interface WantedFragment {
  readonly name: string;
  /** Its parameters, encoded; empty when it has none. */
  readonly query: string;
}

/**
 * The path at which a fragment that is the same for everybody is stored. Purges look at paths, so the parameters of the fragment are a
 * segment of its path. Their order makes no difference.
 */
export function sharedAddress({ name, query }: WantedFragment): string {
  const pairs = query === '' ? [] : query.split('&').toSorted();
  const params = pairs.map((pair) => pair.replace('=', ':').replaceAll('%', '=')).join();
  return `${SHARED_FRAGMENT_PATH}${name}${params === '' ? '' : `/${params}`}`;
}

/** @returns `undefined` when it is not the address of a fragment */
export function parseAddress(address: string): WantedFragment | undefined {
  if (address.length > ADDRESS_MAX_LENGTH) return undefined;
  const shared = parseSharedAddress(address);
  const groups = shared ? undefined : WHOLE_ADDRESS.exec(address)?.groups;
  return shared ?? (groups && { name: groups['name'] ?? '', query: groups['query'] ?? '' });
}

/** @returns `undefined` when it is not a `sharedAddress()` */
export function parseSharedAddress(address: string): WantedFragment | undefined {
  const groups = WHOLE_SHARED_ADDRESS.exec(address)?.groups;
  if (!groups) return undefined;
  const pairs = groups['params']?.split(',') ?? [];
  const query = pairs.map((pair) => pair.replaceAll('=', '%').replace(':', '=')).join('&');
  return { name: groups['name'] ?? '', query };
}
