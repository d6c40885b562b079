import { expect, it } from 'vitest';
import { field } from '../page/raw-pool.js';
import { describeWholeResponses } from './support/whole-responses.js';

const AUTHORIZED = { Authorization: 'Basic dXNlcjpwYXNzd29yZA==' };

describeWholeResponses('requests with Authorization (RFC 9111, section 3.5)', (site) => {
  // The section would allow some of them; who is authorized has reasons that no directive knows.
  it.each(['max-age=100', 'public, max-age=100', 's-maxage=100', 'must-revalidate, max-age=100'])(
    'section 3.5: the answer is not stored, not with %s either',
    async (value) => {
      const target = site().answering({ 'Cache-Control': value });
      for (let round = 1; round <= 2; round += 1) {
        expect(field(await site().get(target, AUTHORIZED), 'cache-status')).toMatch(/fwd=bypass; detail=/);
        expect(site().answers.calls(target)).toBe(round);
      }
      expect(field(await site().get(target), 'cache-status')).toContain('fwd=miss');
    },
  );

  it('a stored page is not the answer', async () => {
    const target = site().answering({});
    const { second } = await site().twice(target);
    expect(site().isHit(second)).toBe(true);
    for (const fields of [AUTHORIZED, { ...AUTHORIZED, 'If-None-Match': '*' }]) {
      expect(site().isHit(await site().get(target, fields))).toBe(false);
    }
  });
});
