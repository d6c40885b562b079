import { Logger } from '@nestjs/common';
import { NGINX_BYPASS } from '../page/page-key-header.js';

/** Says once that nginx and the application do not agree, and what to do. */
export class DriftReport {
  readonly #logger = new Logger('PageCache');
  #isMade = false;

  /**
   * @param looked the key that nginx has looked up, or why it has looked up none
   * @param key the key under which the application stores the page
   */
  make(looked: string, key: string): void {
    if (this.#isMade) return;
    this.#isMade = true;
    const what = looked.replace(NGINX_BYPASS, 'no page: ');
    const difference =
      what === looked && looked !== key
        ? `where the application stores ${shown(key)}`
        : 'by other rules than those of the application';
    this.#logger.error(
      `nginx looked for ${shown(what)} ${difference}. Nothing is cached until both have the same options: write the configuration ` +
        'again with nginxConf() and reload nginx (nginx -t && nginx -s reload). If nginx has the newer options, restart the application with them.',
    );
  }
}

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 300));
}
