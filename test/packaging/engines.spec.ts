import { readFileSync } from 'node:fs';
import semver from 'semver';
import { expect, it } from 'vitest';

interface Package {
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Package> };

/** Where a package finds another, as Node looks for it. */
function placeOf(name: string, from: string): string {
  for (let place = from; ; place = place.slice(0, place.lastIndexOf('node_modules/')).replace(/\/$/, '')) {
    const found = `${place && `${place}/`}node_modules/${name}`;
    if (packages[found]) return found;
    if (!place) throw new Error(`${name} is not in package-lock.json, and ${from || 'the package'} needs it`);
  }
}

function installed(from: string, found = new Set<string>()): Set<string> {
  for (const name of Object.keys(packages[from]?.dependencies ?? {})) {
    const place = placeOf(name, from);
    if (!found.has(place)) installed(place, found.add(place));
  }
  return found;
}

it('every dependency runs on each Node on which the package runs', () => {
  const range = packages['']!.engines!.node!;
  const refusing = [...installed('')]
    .map((place) => ({ place, node: packages[place]!.engines?.node ?? '*' }))
    .filter(({ node }) => !semver.subset(range, node));
  // `npm install --engine-strict` fails on each of them.
  expect(refusing).toEqual([]);
  expect(installed('').size).toBeGreaterThan(5);
});
