/** Where nginx and the application ask for fragments. No visitor can. */
export const FRAGMENT_PATH = '/.page-fragment/';

/** The longest address of a fragment, in bytes: nginx reads so much of an SSI parameter (`ssi_value_length`). */
export const ADDRESS_MAX_LENGTH = 1000;

/** As sources of regular expressions. */
const NAME = '[A-Za-z0-9][A-Za-z0-9_-]{0,39}';
const PARAMETER = '[A-Za-z0-9_.-]{1,40}';
/** What `encodeURIComponent` leaves, and nothing that ends a parameter of SSI or begins a variable in it. */
const VALUE = "(?:[A-Za-z0-9_.!~*'()-]|%[0-9A-F]{2})*";

/** The address of a fragment, with one group for its name and one for its query. */
export const ADDRESS = `${FRAGMENT_PATH.replace('.', '\\.')}(?<name>${NAME})(?:\\?(?<query>${PARAMETER}=${VALUE}(?:&${PARAMETER}=${VALUE})*))?`;

const WHOLE_NAME = new RegExp(`^${NAME}$`);
const WHOLE_PARAMETER = new RegExp(`^${PARAMETER}$`);
const WHOLE_ADDRESS = new RegExp(`^${ADDRESS}$`);

/**
 * What a fragment is made from. `undefined` leaves a parameter out.
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
      `${JSON.stringify(name)} is no name of a fragment: up to 40 of the characters A-Z a-z 0-9 _ -, a letter or a digit first.`,
    );
  }
  const pairs = Object.entries(params).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (!WHOLE_PARAMETER.test(key)) {
      throw new TypeError(
        `${JSON.stringify(key)} is no parameter of a fragment: up to 40 of the characters A-Z a-z 0-9 _ . -`,
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

/** @returns `undefined` for what is no address of a fragment */
export function parseAddress(address: string): { name: string; query: string } | undefined {
  const groups = address.length <= ADDRESS_MAX_LENGTH ? WHOLE_ADDRESS.exec(address)?.groups : undefined;
  return groups && { name: groups['name'] ?? '', query: groups['query'] ?? '' };
}
