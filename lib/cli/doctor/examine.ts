import { type Check, type Examined, failed, type Finding } from './check.js';
import { clockCheck } from './checks/clock.check.js';
import { compressionCheck } from './checks/compression.check.js';
import { configurationCheck } from './checks/configuration.check.js';
import { cookieCheck } from './checks/cookie.check.js';
import { fieldsCheck } from './checks/fields.check.js';
import { forgedHostCheck } from './checks/forged-host.check.js';
import { keysCheck } from './checks/keys.check.js';
import { memcachedCheck } from './checks/memcached.check.js';
import { nginxCheck } from './checks/nginx.check.js';
import { pageCheck } from './checks/page.check.js';
import { pastNginxCheck } from './checks/past-nginx.check.js';
import { storeCheck } from './checks/store.check.js';
import { validatorsCheck } from './checks/validators.check.js';

/** The checks, in this order: a fault further up is often the cause of one further down. */
const CHECKS: readonly Check[] = [
  storeCheck,
  memcachedCheck,
  nginxCheck,
  configurationCheck,
  pastNginxCheck,
  clockCheck,
  pageCheck,
  fieldsCheck,
  cookieCheck,
  keysCheck,
  forgedHostCheck,
  compressionCheck,
  validatorsCheck,
];

/** A finding, with the name of its check. */
export type NamedFinding = Finding & { readonly check: string };

/** Runs all checks, one after the other: a busy site must not feel it. */
export async function examine(examined: Examined): Promise<NamedFinding[]> {
  const findings: NamedFinding[] = [];
  for (const check of CHECKS) {
    const found = await check.run(examined).catch((error: unknown) => [unanswered(error)]);
    findings.push(...found.map((finding) => ({ check: check.name, ...finding })));
  }
  return findings;
}

function unanswered(error: unknown): Finding {
  const why = error instanceof Error ? error.message || error.name : String(error);
  return failed(`it could not be asked: ${why}`, 'Start nginx and the application, or correct the URL.');
}
