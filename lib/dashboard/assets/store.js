import { purge } from './actions.js';
import { get } from './api.js';
import { h, isInUse, redraw } from './dom.js';
import { bytes, counted, duration, moment, number, percent } from './units.js';

const INTERVAL = 5000;

/** Servers, subtrees and the purge journal. */
export function storeView(_site, _query, signal) {
  const body = h('div.stack');
  const element = h('section', { 'aria-labelledby': 'title' }, h('h2.hidden', { id: 'title' }, 'Store'), body);
  const update = async () => {
    const [store, stats] = await Promise.all([get('store', {}, signal), get('stats', {}, signal)]);
    if (!isInUse(body)) redraw(body, content(store, stats));
  };
  return { element, update, every: INTERVAL };
}

function content({ kind, servers, pendingPurges, storesNothing, claim, purges }, stats) {
  return [
    pendingPurges > 0 &&
      h(
        'p.card.problem',
        {},
        `The store has not confirmed ${counted(pendingPurges, 'purge')} yet. This process tries again until it does.`,
      ),
    storesNothing !== undefined && h('p.card.problem', {}, `This process stores nothing: ${storesNothing}.`),
    h(
      'div.card.flush',
      {},
      h(
        'div.row.between.bar',
        {},
        h('h2', {}, servers.length > 1 ? `Servers of the ring` : `Store: ${kind}`),
        claim && h('p.note', {}, `Pages of version ${claim.version}, stored since ${moment(claim.since)}`),
      ),
      table('Servers', SERVERS, servers),
      servers.some(({ stats: one }) => one) &&
        h('p.note.bar', {}, 'Hit ratio and evictions count everything that uses a memcached, since it was started.'),
    ),
    h(
      'div.columns',
      {},
      h(
        'div.card.flush',
        {},
        h('div.row.between.bar', {}, h('h2', {}, 'Busiest subtrees'), h('p.note', {}, counted(stats.pages, 'page'))),
        stats.subtrees.length === 0
          ? h('p.empty', {}, 'No page is stored.')
          : table(
              'Subtrees',
              SUBTREES.filter(({ isKnown = () => true }) => isKnown(stats)),
              stats.subtrees,
            ),
      ),
      h(
        'div.card.flush',
        {},
        h(
          'div.row.between.bar',
          {},
          h('h2', {}, 'Journal of purges'),
          h('p.note', {}, 'since the dashboard was started'),
        ),
        purges.length === 0 ? h('p.empty', {}, 'Nothing was purged.') : table('Purges', PURGES, purges),
      ),
    ),
  ].filter(Boolean);
}

const SERVERS = [
  { title: 'Server', cell: ({ server = 'this process' }) => server },
  {
    title: '',
    cell: ({ isReachable, error }) =>
      h(
        `span.badge.${isReachable ? 'good' : 'bad'}`,
        { title: error },
        isReachable ? 'answers' : (error ?? 'no answer'),
      ),
  },
  { title: 'Weight', isNumber: true, cell: ({ weight }) => weight ?? '–' },
  { title: 'Pages', isNumber: true, cell: ({ pages }) => number(pages) },
  {
    title: 'Hit ratio',
    isNumber: true,
    cell: ({ stats }) => (stats ? percent(stats.hits, stats.hits + stats.misses) : '–'),
  },
  { title: 'Evictions', isNumber: true, cell: ({ stats }) => (stats ? number(stats.evictions) : '–') },
  {
    title: 'Memory',
    isNumber: true,
    cell: ({ stats }) => (stats ? `${bytes(stats.bytes)} of ${bytes(stats.limit)}` : '–'),
  },
  { title: 'Running for', isNumber: true, cell: ({ stats }) => (stats ? duration(stats.uptime * 1000) : '–') },
  { title: 'Version', cell: ({ stats }) => stats?.version ?? '–' },
];

const SUBTREES = [
  {
    title: 'Subtree',
    cell: ({ path }) => h('a.address', { href: `#pages?${new URLSearchParams({ search: path })}` }, path),
  },
  { title: 'Pages', isNumber: true, cell: ({ pages }) => number(pages) },
  {
    title: 'Read',
    isNumber: true,
    isKnown: ({ read }) => read !== undefined,
    cell: ({ read, pages }) => percent(read, pages),
  },
  { title: 'Size', isNumber: true, isKnown: ({ bytes: size }) => size > 0, cell: ({ bytes: size }) => bytes(size) },
  {
    title: '',
    cell: ({ path }) =>
      h(
        'button.small',
        {
          'aria-label': `Purge ${path}`,
          click: () =>
            void purge(
              { under: [path] },
              path === '/' ? 'everything' : `${path}/*`,
              'All these pages are deleted. Each is rendered again for its next visitor.',
            ),
        },
        'Purge',
      ),
  },
];

const PURGES = [
  { title: 'When', cell: ({ time }) => (time === undefined ? '–' : moment(time)) },
  {
    title: 'What',
    cell: ({ targets }) =>
      h(
        'span.address',
        {},
        targets.slice(0, 5).join(', ') + (targets.length > 5 ? ` and ${number(targets.length - 5)} more` : ''),
      ),
  },
  {
    title: '',
    cell: ({ isRefresh }) =>
      isRefresh ? h('span.chip', { title: 'These pages were rendered again.' }, 'refresh') : '',
  },
];

function table(name, columns, rows) {
  return h(
    'div.scroll',
    { tabindex: '0', role: 'region', 'aria-label': name },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columns.map(({ title, isNumber }) =>
            title === '' ? h('td') : h(isNumber ? 'th.number' : 'th', { scope: 'col' }, title),
          ),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            {},
            columns.map(({ cell, isNumber }) => h(isNumber ? 'td.number' : 'td', {}, cell(row))),
          ),
        ),
      ),
    ),
  );
}
