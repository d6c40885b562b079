import type { Subject } from '../rules/rule.js';

/** The names that one site takes in nginx's `http` block: derived from its prefix, so that several sites fit in. */
export class SiteNames {
  readonly #site: string;

  constructor(prefix: string) {
    this.#site =
      prefix
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '_')
        .replace(/^_|_$/g, '') || 'page';
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
    const variables: Record<Subject, string> = {
      method: '$request_method',
      path: this.variable('path'),
      decodedPath: '$uri',
      query: this.variable('query'),
      cookie: '$http_cookie',
      authorization: '$http_authorization',
      upgrade: '$http_upgrade',
      host: '$host',
    };
    return variables[subject];
  }
}
