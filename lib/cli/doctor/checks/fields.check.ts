import { fieldOf } from '../../../operations/ask.js';
import { isHit, outcomeOf } from '../../../operations/outcome.js';
import { type Check, type ExaminedSite, type Finding, failed, note, ok, pageOf } from '../check.js';
import { untilHit } from './page.check.js';

/** Fields of one response or of one connection, and those that nginx makes itself. */
const OF_ONE_RESPONSE =
  /^(?:date|age|server|connection|keep-alive|transfer-encoding|content-length|content-encoding|accept-ranges|cache-status|x-powered-by|etag|last-modified|vary|set-cookie|x-request-id|x-ratelimit-.*|ratelimit.*|server-timing|traceparent|x-response-time)$/;

/** Which fields a hit loses. */
export const fieldsCheck: Check = {
  name: 'fields',
  async run({ site, options }) {
    if (!site) return [];
    const page = pageOf(site);
    const outcomes = await untilHit(site);
    const refused = outcomes.at(-1)!;
    if (refused.startsWith('header-')) return [await refusedFor(refused.slice('header-'.length).split('+'), site)];
    if (!isHit(refused)) return [];
    const hit = await site.ask(page);
    const made = await freshly(site);
    if (!isHit(outcomeOf(fieldOf(hit, 'cache-status'))) || !made) return [];
    const lost = Object.keys(made.headers).filter(
      (name) => !OF_ONE_RESPONSE.test(name) && hit.headers[name] === undefined,
    );
    if (lost.length === 0) return [ok('a hit has every field of the page')];
    const excused = lost.filter((name) => options.excuseHeaders.some((one) => one.toLowerCase() === name));
    const others = lost.filter((name) => !excused.includes(name));
    return [
      ...(excused.length > 0
        ? [
            note(
              `a hit has no ${excused.join(', ')} (excuseHeaders)`,
              'Nothing, if they may be lost; else send them by nginx.headers.',
            ),
          ]
        : []),
      ...(others.length > 0 ? [losing(others, made.headers)] : []),
    ];
  },
};

/** A response that the application has just made: it renders the page anew for a visitor who may be logged in. */
async function freshly(site: ExaminedSite) {
  const made = await site.ask(pageOf(site), { cookie: 'nginx-cache-doctor=1', authorization: 'Basic ZG9jdG9yOg==' });
  return made.status === 200 && !isHit(outcomeOf(fieldOf(made, 'cache-status'))) ? made : undefined;
}

async function refusedFor(names: readonly string[], site: ExaminedSite): Promise<Finding> {
  const made = await freshly(site);
  return losing(names, made?.headers ?? {}, 'no page with such a field is stored');
}

function losing(names: readonly string[], headers: NodeJS.Dict<string | string[]>, so = 'a hit lacks them'): Finding {
  const lines = names.map(
    (name) => `    '${name}': ${JSON.stringify([headers[name.toLowerCase()] ?? '…'].flat().join(', '))},`,
  );
  return failed(
    `nginx would lose ${names.join(', ')}, and ${so}`,
    'Send it with every page (nginx.headers), let it be lost (excuseHeaders), or take the flavour srcache or njs.',
    ['nginx: {', '  headers: {', ...lines, '  },', '},'],
  );
}
