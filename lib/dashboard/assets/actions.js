import { post, SignedOut } from './api.js';
import { confirmed, toast } from './dom.js';
import { counted } from './units.js';

/** The address of a page as the API takes it: with its host, if it has one. */
export function addressOf({ host, target }) {
  return host === undefined ? target : `http://${host}${target}`;
}

/** Deletes exactly these pages. */
export function purgePages(pages) {
  return purge({ exact: pages.map(addressOf) }, counted(pages.length, 'page'));
}

/** @param {{ path?: string[], exact?: string[], tag?: string[], all?: boolean }} what */
export async function purge(what, name, question) {
  if (question !== undefined && !(await confirmed(`Purge ${name}?`, question, 'Purge'))) return;
  await done(async () => {
    const { purged } = await post('purge', what);
    return `${counted(purged, 'page')} purged.`;
  });
}

/** Renders pages again and replaces them. */
export function publish(addresses) {
  return done(async () => {
    const { published, purged, skipped, failed } = await post('publish', { path: addresses });
    const [skip] = skipped;
    const [fail] = failed;
    if (skip) return `Not stored: ${skip.path} (${skip.reason})`;
    if (fail) throw new Error(`Not rendered: ${fail.path} (${fail.status ?? fail.reason ?? 'no answer'})`);
    return purged.length > 0
      ? `${purged[0]} is not a page any more, and was purged.`
      : `${counted(published.length, 'page')} published.`;
  });
}

async function done(action) {
  try {
    const detail = await action();
    dispatchEvent(new CustomEvent('changed', { detail }));
  } catch (error) {
    toast(error instanceof SignedOut ? 'Sign in again. The token is no longer valid.' : error.message, true);
  }
}
