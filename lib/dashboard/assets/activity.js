import { get } from './api.js';
import { chart, KINDS } from './chart.js';
import { h, isInUse, prose, redraw } from './dom.js';
import { counted, duration, moment, number, percent } from './units.js';

const INTERVAL = 2000;

const UNREADABLE = 'The log cannot be read';

/** The chosen range, kept from one visit of the view to the next. At first, it is the shortest in which anything has happened. */
let range;

/** Shows hits and reasons as they come. */
export function activityView(_site, _query, signal) {
  const body = h('div.stack');
  let shown;
  const draw = (activity) => {
    const text = JSON.stringify({ ...activity, range });
    if (text === shown || (shown !== undefined && isInUse(body))) return;
    shown = text;
    const choose = (index) => {
      range = index;
      shown = undefined;
      draw(activity);
    };
    redraw(body, content(activity, choose));
  };
  const element = h('section', { 'aria-labelledby': 'title' }, h('h2.hidden', { id: 'title' }, 'Activity'), body);
  return { element, every: INTERVAL, update: async () => draw(await get('activity', {}, signal)) };
}

function content(activity, choose) {
  const { source, problem, ranges, summary, since } = activity;
  if (summary.requests === 0) return [nothing(source, problem, summary)];
  range ??= shortest(ranges);
  const { buckets, step, name } = ranges[range];
  const sums = KINDS.map((_, index) => buckets.reduce((sum, { counts }) => sum + counts[index], 0));
  const all = sums.reduce((one, other) => one + other, 0);
  const [nginx, application, copies, stored, other] = sums;
  return [
    problem !== undefined && h('div.card', {}, h('h3', {}, UNREADABLE), h('p', {}, problem)),
    h(
      'div.figures',
      {},
      figure(`Hit ratio, ${name}`, percent(nginx + application, all), `of ${counted(all, 'request')}`),
      figure('Hits by nginx', number(nginx), percent(nginx, all), 'nginx'),
      figure('Hits by the application', number(application), percent(application, all), 'application'),
      copies > 0 && figure('Stale copies', number(copies), percent(copies, all), 'copy'),
      figure('Rendered and stored', number(stored), percent(stored, all), 'stored'),
      figure('Not cached', number(other), percent(other, all), 'other'),
    ),
    h(
      'div.card',
      {},
      h(
        'div.row.between',
        {},
        h('h3', {}, 'Requests'),
        h(
          'div.segments',
          { role: 'group', 'aria-label': 'Time shown' },
          ranges.map((one, index) =>
            h('button', { 'aria-pressed': String(index === range), click: () => choose(index) }, one.name),
          ),
        ),
      ),
      chart(buckets, step),
      h('p.note', {}, prose(origin(source, since))),
    ),
    h(
      'div.columns',
      {},
      list(
        'Requests that were no hits',
        summary.outcomes.map(({ outcome, count, why, cure }) => ({
          count: number(count),
          part: count / summary.outcomes[0].count,
          title: outcome,
          text: why,
          cure,
        })),
        'Every request was a hit.',
      ),
      list(
        'Most wanted, never cached',
        summary.neverCached.map(({ target, count, outcome, cure }) => ({
          count: number(count),
          title: target,
          href: `#why?${new URLSearchParams({ target })}`,
          text: outcome,
          cure,
        })),
        'Every address that was requested twice is cached.',
      ),
      source.kind === 'log' &&
        list(
          'Slowest misses',
          summary.slowest.map(({ target, waited, outcome }) => ({
            count:
              waited < 1000 ? `${waited} ms` : waited < 60_000 ? `${(waited / 1000).toFixed(1)} s` : duration(waited),
            title: target,
            href: `#why?${new URLSearchParams({ target })}`,
            text: outcome,
          })),
          'No visitor has waited for a page.',
        ),
    ),
    summary.unreadable > 0 &&
      h(
        'p.note',
        {},
        `${counted(summary.unreadable, 'line')} of the log could not be read, and ${summary.unreadable === 1 ? 'is' : 'are'} not counted.`,
      ),
  ].filter(Boolean);
}

function shortest(ranges) {
  const found = ranges.findIndex(({ buckets }) => buckets.some(({ counts }) => counts.some((count) => count > 0)));
  return found < 0 ? ranges.length - 1 : found;
}

function figure(name, value, text, kind) {
  return h(
    'div.figure',
    {},
    h('p.name', {}, kind && h(`span.dot.${kind}`), name),
    h('p.value', {}, value),
    h('p.note', {}, text),
  );
}

function list(title, rows, otherwise) {
  return h(
    'div.card',
    {},
    h('h3', {}, title),
    rows.length === 0 && h('p.empty', {}, otherwise),
    rows.length > 0 &&
      h(
        'ul.bars',
        {},
        rows.map(({ count, title: name, href, text, cure }) =>
          h(
            'li',
            {},
            h('span.count', {}, count),
            h(
              'div',
              {},
              href ? h('a.address', { href, title: `Why is ${name} not cached?` }, name) : h('strong', {}, name),
              text && h('span.note', {}, ' ', prose(text)),
              cure && h('p.cure', {}, prose(cure)),
            ),
          ),
        ),
      ),
  );
}

/** Says where the figures come from, and what they do not include. */
function origin(source, since) {
  const time = since === undefined ? '' : ` since ${moment(since)}`;
  if (source.kind === 'log')
    return `Counted from nginx's access log, ${source.file}. The lists below cover all requests${time}.`;
  return (
    `This process has answered these requests${time}. Pages that nginx serves are not counted: ` +
    "for those, give the dashboard nginx's access log (option `log`)."
  );
}

function nothing(source, problem, summary) {
  if (problem !== undefined) return h('div.card.empty', {}, h('h3', {}, UNREADABLE), h('p', {}, problem));
  if (source.kind === 'none') {
    return h(
      'div.card.empty',
      {},
      h('h3', {}, 'There is no access log'),
      h(
        'p',
        {},
        `Hits and reasons come from nginx's access log, and ${source.file} does not exist. Start the dashboard with the right file:`,
      ),
      h('p', {}, h('code', {}, 'nginx-cache dashboard --log FILE')),
    );
  }
  if (summary.unreadable > 0) {
    return h(
      'div.card.empty',
      {},
      h('h3', {}, 'The log is in another format'),
      h('p', {}, `No line of ${source.file} is in the format that `, h('code', {}, 'nginx-cache conf'), ' writes.'),
    );
  }
  return h('div.card.empty', {}, h('h3', {}, 'No requests yet'), h('p', {}, 'They appear here as visitors come.'));
}
