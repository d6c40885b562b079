import { createHash } from 'node:crypto';
import { fieldsOf, type Subject, type SUBJECTS } from '../rules/rule.js';

/**
 * How long the name of a site may be. PCRE 2 before 10.44 takes capture names of up to 32 characters (`…_cache_raw_query`), and nginx,
 * without `variables_hash_bucket_size`, takes variable names of up to 46 (`…_cache_bypass_not_included_0`; NGX_HASH_ELT_SIZE in
 * src/core/ngx_hash.c).
 */
const SITE_MAX_LENGTH = 15;

/** The names that one site uses in nginx's `http` block. They are derived from its prefix, so that several sites fit in. */
export class SiteNames {
  readonly #site: string;

  /** A prefix like `blog:` gives its name; any other gets a hash, so that no two sites get the same. */
  constructor(prefix: string) {
    const letters = prefix.toLowerCase().replace(/[^a-z0-9]+/g, '_');
    const [, plain] = /^([a-z][a-z0-9_]*):$/.exec(prefix) ?? [];
    if (plain !== undefined && plain.length <= SITE_MAX_LENGTH) {
      this.#site = plain;
      return;
    }
    const hash = createHash('sha256').update(prefix).digest('hex').slice(0, 6);
    const start = letters.replace(/^[^a-z]+/, '').slice(0, SITE_MAX_LENGTH - hash.length - 1);
    this.#site = `${start.replace(/_$/, '') || 'site'}_${hash}`;
  }

  /** A variable, without its `$`, or the name of an upstream or of a location. */
  of(what: string): string {
    return `${this.#site}_cache_${what}`;
  }

  variable(what: string): string {
    return `$${this.of(what)}`;
  }

  /** What nginx calls the things that rules look at (`SUBJECTS` in rules/rule.ts). */
  subject(subject: Subject): string {
    const fields = fieldsOf(subject)?.map((name) => `$http_${name.replace(/-/g, '_')}`);
    if (fields) return fields.length === 1 ? `${fields[0]}` : `"${fields.join('')}"`;
    const variables: Record<keyof typeof SUBJECTS, string> = {
      method: '$request_method',
      path: this.variable('path'),
      decodedPath: '$uri',
      query: this.variable('query'),
      cookie: '$http_cookie',
      authorization: '$http_authorization',
      upgrade: '$http_upgrade',
      contentLength: '$http_content_length',
      transferEncoding: '$http_transfer_encoding',
      host: '$host',
    };
    return variables[subject as keyof typeof SUBJECTS];
  }
}
