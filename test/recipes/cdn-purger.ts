import { Injectable, Logger } from '@nestjs/common';
import { OnPageCache, PagesPurged } from 'nestjs-nginx-cache';

const SITE = 'https://example.com';
const ZONE = `https://api.cloudflare.com/client/v4/zones/${process.env['CLOUDFLARE_ZONE'] ?? ''}/purge_cache`;

/** Purges Cloudflare of what nginx has no longer. */
@Injectable()
export class CdnPurger {
  readonly #logger = new Logger(CdnPurger.name);

  /** It has happened in nginx by now, and no visitor waits for this. */
  @OnPageCache(PagesPurged)
  async onPurged({ pages }: PagesPurged): Promise<void> {
    // A subtree, a pattern, a tag: the CDN does not know which pages these are.
    if (!pages) return this.send({ purge_everything: true });
    const files = pages.map(({ path, host }) => (host === undefined ? SITE : `https://${host}`) + path);
    // Cloudflare takes 30 addresses at a time.
    for (let start = 0; start < files.length; start += 30) {
      await this.send({ files: files.slice(start, start + 30) });
    }
  }

  private async send(body: object): Promise<void> {
    const response = await fetch(ZONE, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${process.env['CLOUDFLARE_TOKEN'] ?? ''}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    }).catch((error: unknown) => ({ ok: false, status: String(error) }));
    if (!response.ok) this.#logger.error(`Not purged from the CDN (${response.status}): ${JSON.stringify(body)}`);
  }
}
