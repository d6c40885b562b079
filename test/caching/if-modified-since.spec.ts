import { expect, it } from 'vitest';
import { PageCacheService } from '../../lib/index.js';
import { field } from '../page/raw-pool.js';
import { answer } from '../rfc/support/answers.controller.js';
import { describeWholeResponses } from '../rfc/support/whole-responses.js';

const second = () => Math.floor(Date.now() / 1000);

describeWholeResponses('two versions of a page within one second', (site) => {
  /** @returns the address, the date of the version that was, and the one that is */
  const twoVersions = async () => {
    for (;;) {
      const target = site().answering({}, '<p>old</p>');
      const start = second();
      const old = await site().twice(target);
      site().answers.change(target, answer({}, '<p>new</p>'));
      await site().site.app.get(PageCacheService).purge(target);
      const fresh = await site().twice(target);
      expect([old.outcome, fresh.outcome]).toEqual(['stored', 'stored']);
      expect(fresh.second.body.toString()).toBe('<p>new</p>');
      // Else they would differ anyway.
      if (second() > start) continue;
      return { target, before: field(old.first, 'last-modified')!, now: fresh.second };
    }
  };

  it('do not share a date: whoever has the old one gets the new one', async () => {
    const { target, before, now } = await twoVersions();
    expect(field(now, 'last-modified')).toBeUndefined();
    const visitor = await site().get(target, { 'If-Modified-Since': before });
    expect(site().isHit(visitor)).toBe(true);
    expect(visitor.status).toBe(200);
    expect(visitor.body.toString()).toBe('<p>new</p>');
  });

  it('whoever has the new one gets 304 by its ETag', async () => {
    const { target, now } = await twoVersions();
    const visitor = await site().get(target, { 'If-None-Match': field(now, 'etag') ?? '' });
    expect(site().isHit(visitor)).toBe(true);
    expect(visitor.status).toBe(304);
  });
});
