import { h, svg } from './dom.js';
import { moment, number } from './units.js';

/** The kinds, in the order of the counts. */
export const KINDS = [
  ['nginx', 'hits by nginx'],
  ['application', 'hits by the application'],
  ['copy', 'stale copies'],
  ['stored', 'rendered and stored'],
  ['other', 'not cached'],
];

const HEIGHT = 180;
const BAR = 8;

/** Requests over time, one bar for each step. */
export function chart(buckets, step) {
  const totals = buckets.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0));
  const most = niceAbove(Math.max(...totals));
  const width = buckets.length * BAR;
  const bars = buckets.map(({ time, counts }, index) => {
    let y = HEIGHT;
    const parts = counts.flatMap((count, kind) => {
      if (count === 0) return [];
      const height = (count / most) * HEIGHT;
      y -= height;
      return [svg('rect', { class: KINDS[kind][0], x: index * BAR + 1, y, width: BAR - 2, height })];
    });
    const said = KINDS.flatMap(([, name], kind) => (counts[kind] > 0 ? [`${number(counts[kind])} ${name}`] : []));
    return svg(
      'g',
      {},
      svg('title', {}, `${moment(time)}\n${said.join('\n') || 'nothing'}`),
      svg('rect', { class: 'all', x: index * BAR, y: 0, width: BAR, height: HEIGHT }),
      ...parts,
    );
  });
  const label = `Requests from ${moment(buckets[0].time)} to now, at most ${number(most)} in ${stepName(step)}.`;
  return h(
    'figure.chart',
    {},
    h(
      'div.plot',
      {},
      h(
        'div.scale',
        { 'aria-hidden': 'true' },
        h('span', {}, number(most)),
        h('span', {}, number(most / 2)),
        h('span', {}, '0'),
      ),
      svg(
        'svg',
        { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
        ...[0, 0.5, 1].map((part) =>
          svg('line', { class: 'grid', x1: 0, x2: width, y1: HEIGHT * part, y2: HEIGHT * part }),
        ),
        ...bars,
      ),
    ),
    h(
      'div.times',
      { 'aria-hidden': 'true' },
      h('span', {}, moment(buckets[0].time)),
      h('span', {}, `one bar is ${stepName(step)}`),
      h('span', {}, 'now'),
    ),
    h(
      'figcaption.legend',
      {},
      KINDS.map(([kind, name]) => h('span', {}, h(`span.dot.${kind}`), name)),
    ),
  );
}

function stepName(step) {
  return step < 60_000 ? `${step / 1000} s` : `${step / 60_000} min`;
}

/** The next round number that is even, so that its half is a whole number: 2, 4, 6, 8, 10, 12, 16, 20, 30 and so on. */
function niceAbove(value) {
  if (value <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(value));
  return (
    [1, 1.2, 1.6, 2, 3, 4, 6, 8, 10].map((factor) => factor * power).find((nice) => nice >= value && nice % 2 === 0) ??
    10 * power
  );
}
