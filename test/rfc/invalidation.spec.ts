import { expect, it, vi } from 'vitest';
import { answer, type Answer, type Fields } from './support/answers.controller.js';
import { describeWholeResponses } from './support/whole-responses.js';

/** Another answer to what is not GET. */
const changing = (fields: Fields, status: number): Answer => {
  const [toGet, toOthers] = [answer({}, 'page'), answer(fields, 'changed', status)];
  return (response, request) => (request.method === 'GET' ? toGet : toOthers)(response, request);
};

describeWholeResponses('invalidation by unsafe methods (RFC 9111, section 4.4)', (site) => {
  const stored = async (given: Answer = answer({}, 'page')) => {
    const target = site().answers.add(given);
    expect(site().isHit((await site().twice(target)).second)).toBe(true);
    return target;
  };
  const isHit = async (target: string) => site().isHit(await site().get(target));
  /** Nobody waits for the store longer than a moment. */
  const isGone = (target: string) => vi.waitFor(async () => expect(await isHit(target)).toBe(false), 60_000);

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'MKCOL'])(
    'section 4.4: %s makes the page of its address go',
    async (method) => {
      for (const status of [200, 201, 204, 303]) {
        const [target, other] = [await stored(changing({}, status)), await stored()];
        expect((await site().get(target, {}, method)).status).toBe(status);
        await isGone(target);
        expect(await isHit(other)).toBe(true);
      }
    },
  );

  it.each([400, 403, 404, 409, 500, 503])('section 4.4: not if it fails (%i)', async (status) => {
    const target = await stored(changing({ Location: '/rfc/0' }, status));
    for (const method of ['POST', 'DELETE']) {
      expect((await site().get(target, {}, method)).status).toBe(status);
      expect(await isHit(target)).toBe(true);
    }
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'PROPFIND'])('section 4.4: nor does the safe method %s', async (method) => {
    const target = await stored();
    await site().get(target, {}, method);
    expect(await isHit(target)).toBe(true);
  });

  it.each(['Location', 'Content-Location'])(
    'section 4.4: the page of %s goes, too, if the handler says so',
    async (name) => {
      const named = [await stored(), await stored()];
      const [relative = '', absolute = ''] = named;
      for (const [target, value] of [
        [relative, relative],
        [absolute, `http://${site().host}${absolute}`],
      ] as const) {
        const changes = await stored(changing({ [name]: value }, 201));
        expect((await site().get(changes, {}, 'POST')).status).toBe(201);
        expect(await isHit(target)).toBe(true);
        expect((await site().get(changes.replace('/rfc/', '/rfc-named/'), {}, 'POST')).status).toBe(201);
        await isGone(target);
      }
    },
  );

  it.each(['Location', 'Content-Location'])('section 4.4: not that of another origin in %s', async (name) => {
    const target = await stored();
    const changes = await stored(changing({ [name]: `http://other.example${target}` }, 201));
    await site().get(changes.replace('/rfc/', '/rfc-named/'), {}, 'POST');
    expect(await isHit(target)).toBe(true);
  });
});
