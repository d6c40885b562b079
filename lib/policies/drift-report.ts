import { Logger } from '@nestjs/common';
import { NGINX_BYPASS } from '../page/page-key-header.js';

const OTHER_OPTIONS =
  'Nothing is cached until both have the same options: write the configuration again with npx nginx-cache conf, and reload nginx ' +
  '(nginx -t && nginx -s reload). If nginx has the newer options, restart the application with them.';

const CHANGED =
  'Both have the same options, so something changes the address on its way, and such pages are not cached: look for a rewrite in nginx, and for a ' +
  'proxy or middleware that changes the address or the host. Redirect instead (return 301), or do it in front of nginx.';

/** Says once that nginx and the application do not agree, and what to do. */
export class DriftReport {
  readonly #logger = new Logger('PageCache');
  #isMade = false;

  /**
   * @param looked the key that nginx has looked up, or why it has looked up none
   * @param key the key under which the application stores the page
   * @param hasSameOptions whether both have the same options, so that the address must have been changed on the way
   */
  make(looked: string, key: string, hasSameOptions: boolean): void {
    if (this.#isMade) return;
    this.#isMade = true;
    const what = looked.replace(NGINX_BYPASS, 'no page: ');
    const difference =
      what === looked && looked !== key
        ? `where the application stores ${shown(key)}`
        : 'by other rules than those of the application';
    this.#logger.error(`nginx looked for ${shown(what)} ${difference}. ${hasSameOptions ? CHANGED : OTHER_OPTIONS}`);
  }
}

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 300));
}
