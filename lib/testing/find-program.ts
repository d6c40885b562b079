import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian installs servers where an ordinary user's PATH does not look; Homebrew is not on the PATH of an IDE. */
const OTHER_PLACES = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
  '/usr/local/openresty/bin',
];

/** Servers that take nginx's configuration and arguments. */
const ALTERNATIVES = { nginx: ['angie', 'openresty'], memcached: [] } as const;

/**
 * Where a server program is. If there is no nginx, Angie or OpenResty will do.
 *
 * @throws Error that says how to install it
 */
export function findProgram(name: 'nginx' | 'memcached'): string {
  const places = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...OTHER_PLACES];
  const names = [name, ...ALTERNATIVES[name]];
  const found = names.flatMap((each) => places.map((place) => join(place, each))).find(isExecutable);
  if (found) return found;
  throw new Error(
    `${name} is not installed (looked in PATH and in ${OTHER_PLACES.join(', ')}). Install the package "${name}": ` +
      `apt-get install ${name} (Debian, Ubuntu), apk add ${name} (Alpine), dnf install ${name} (Fedora), ` +
      `brew install ${name} (macOS).`,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
