import { purge, publish, purgePages } from './actions.js';
import { get } from './api.js';
import { byId, h, isInUse, redraw } from './dom.js';
import { openPage } from './page-panel.js';
import { bytes, counted, duration, moment, number } from './units.js';

const ROWS = 100;

/** The least time until the view asks again for a list that is still being read, in milliseconds. */
const INTERVAL = 1000;
/** The view waits at least this many times as long as the last answer took: the server sorts the list anew for each answer. */
const REST = 4;

/** The columns; `order` is the name by which the API sorts. */
const COLUMNS = [
  { title: 'Page', order: 'page', cell: addressCell },
  { title: 'Tags', cell: tagsCell },
  {
    title: 'Age',
    order: 'age',
    hint: 'Since when the page is stored. memcached knows this only until somebody reads the page.',
    isNumber: true,
    cell: ({ age }) => (age === undefined ? '–' : duration(age)),
  },
  {
    title: 'Ends in',
    order: 'ttl',
    hint: 'After this time, the page is rendered again for its next visitor.',
    isNumber: true,
    cell: endsCell,
  },
  { title: 'Size', order: 'size', isNumber: true, cell: ({ size }) => (size === undefined ? '–' : bytes(size)) },
  {
    title: 'Read',
    order: 'read',
    hint: 'Whether anybody has read the page since it was stored.',
    cell: ({ isRead }) => (isRead === undefined ? '–' : isRead ? 'yes' : 'no'),
  },
  { title: 'Server', isOptional: true, cell: ({ server = '–' }) => server },
];

/** The stored pages. The server searches and sorts them, and sends a part at a time, so there may be any number of them. */
export function pagesView(site, given, signal) {
  const query = { search: given.get('search') ?? '', order: 'page', descending: false, offset: 0 };
  const chosen = new Map();
  const rows = h('tbody');
  const head = h('tr');
  const summary = h('p.note', { role: 'status' });
  const problem = h('p.problem', { role: 'alert', hidden: true });
  const pager = h('nav.row.end', { 'aria-label': 'Pages of the list' });
  const chosenText = h('span.note');
  const purgeChosen = h('button.danger', { click: () => purgePages([...chosen.values()]) }, 'Purge selected');
  const selection = h('div.row.selection', { hidden: true }, chosenText, purgeChosen);
  let latest = 0;

  const update = async (isRepeated = false) => {
    const number_ = (latest += 1);
    const start = performance.now();
    const found = await get('pages', { ...query, limit: ROWS }, signal);
    // An answer to an earlier input is useless by now.
    if (number_ !== latest) return;
    const isWanted = !isRepeated || !isInUse(rows);
    if (isWanted) draw(found);
    const rest = Math.max(INTERVAL, REST * (performance.now() - start));
    if (found.isReading || !isWanted) setTimeout(() => number_ === latest && refresh(true), rest);
  };
  const refresh = (isRepeated) => {
    if (signal.aborted) return;
    void update(isRepeated).catch((error) => {
      if (!signal.aborted) summary.textContent = error.message;
    });
  };
  const again = (changes) => {
    Object.assign(query, changes);
    const hash = query.search === '' ? '#pages' : `#pages?${new URLSearchParams({ search: query.search })}`;
    history.replaceState(null, '', hash);
    refresh();
  };

  const draw = ({ total, matching, listed, problem: wrong, isReading, pages }) => {
    const isSpread = new Set(pages.map(({ server }) => server)).size > 1;
    const columns = COLUMNS.filter(({ isOptional }) => !isOptional || isSpread);
    redraw(head, [
      h('th', { scope: 'col' }, h('span.hidden', {}, 'Select')),
      ...columns.map((column) => title(column, query, again)),
    ]);
    redraw(
      rows,
      pages.length > 0 ? pages.map((page) => row(page, columns)) : [emptyRow(total, isReading, columns.length + 1)],
    );
    problem.hidden = wrong === undefined;
    problem.textContent = wrong ?? '';
    const isAll = matching === total;
    const count = isAll ? counted(total, 'page') : `${number(matching)} of ${counted(total, 'page')}`;
    if (listed !== undefined) summary.textContent = `${count}, as of ${moment(listed)}`;
    else summary.textContent = total === 0 ? 'Listing the pages' : `${count} so far, still listing`;
    const last = Math.min(query.offset + ROWS, matching);
    redraw(pager, [
      h('span.note', {}, matching === 0 ? '' : `${number(query.offset + 1)} to ${number(last)}`),
      h(
        'button',
        { disabled: query.offset === 0, click: () => again({ offset: Math.max(0, query.offset - ROWS) }) },
        'Previous',
      ),
      h('button', { disabled: last >= matching, click: () => again({ offset: query.offset + ROWS }) }, 'Next'),
    ]);
  };

  const row = (page, columns) => {
    const box = h('input', {
      type: 'checkbox',
      'aria-label': `Select ${page.target}`,
      change: () => {
        if (box.checked) chosen.set(page.key, page);
        else chosen.delete(page.key);
        selection.hidden = chosen.size === 0;
        chosenText.textContent = `${counted(chosen.size, 'page')} selected`;
      },
    });
    box.checked = chosen.has(page.key);
    return h(
      'tr',
      {},
      h('td', {}, box),
      columns.map(({ cell, isNumber }) =>
        h(
          isNumber ? 'td.number' : 'td',
          {},
          cell(page, { site, search: (text) => ((input.value = text), again({ search: text, offset: 0 })) }),
        ),
      ),
    );
  };

  const input = h('input', {
    type: 'search',
    id: 'search',
    placeholder: '/posts  tag:news  read:no',
    autocomplete: 'off',
    spellcheck: 'false',
    input: () => again({ search: input.value, offset: 0 }),
  });
  input.value = query.search;

  const element = h(
    'section.stack',
    { 'aria-labelledby': 'title' },
    h(
      'div.row.between',
      {},
      h('div', {}, h('h2', { id: 'title' }, 'Stored pages'), summary),
      h(
        'div.row',
        {},
        h('button', { click: () => openPurge() }, 'Purge pages'),
        site.canPublish && h('button', { click: () => openPublish() }, 'Publish a page'),
      ),
    ),
    h(
      'div.card.flush',
      {},
      h(
        'div.row.bar',
        {},
        h('label.hidden', { for: 'search' }, 'Search addresses; tag:…, host:… and read:no narrow it down'),
        input,
        selection,
      ),
      problem,
      h(
        'div.scroll',
        { tabindex: '0', role: 'region', 'aria-label': 'List of pages' },
        h('table', {}, h('thead', {}, head), rows),
      ),
      pager,
    ),
  );
  return { element, update, every: undefined };
}

function title({ title: name, order, hint, isNumber }, query, again) {
  const kind = isNumber ? 'th.number' : 'th';
  if (order === undefined) return h(kind, { scope: 'col' }, name);
  const isOrder = query.order === order;
  const sort = isOrder ? (query.descending ? 'descending' : 'ascending') : 'none';
  const click = () => {
    again({ order, descending: isOrder && !query.descending, offset: 0 });
  };
  const arrow = isOrder ? (query.descending ? ' ↓' : ' ↑') : '';
  return h(
    kind,
    { scope: 'col', 'aria-sort': sort },
    h('button.plain', { click, 'aria-label': name, title: hint }, name, h('span', { 'aria-hidden': 'true' }, arrow)),
  );
}

function addressCell(page, { site }) {
  const { host, target, variants } = page;
  return h(
    'span',
    {},
    h(
      'button.plain.address',
      { click: () => openPage(page, site) },
      host !== undefined && h('span.host', {}, host),
      target,
    ),
    ' ',
    Object.entries(variants).map(([name, value]) =>
      h('span.chip', { title: 'The page has several variants. This is one of them.' }, `${name}=${value}`),
    ),
  );
}

function tagsCell({ tags }, { search }) {
  if (tags === undefined) return h('span.note', { title: 'The store does not know the tags of this page.' }, '?');
  return h(
    'span',
    {},
    tags.map((tag) => h('button.chip', { click: () => search(`tag:${tag}`), title: `Pages with the tag ${tag}` }, tag)),
  );
}

function endsCell({ ttl }) {
  if (ttl === undefined) return '–';
  return ttl === 0 ? 'until purged' : duration(ttl);
}

function emptyRow(total, isReading, width) {
  const text = isReading
    ? 'The store is listing its pages.'
    : total === 0
      ? 'No page is stored yet. A page is stored when its first visitor comes, or when you publish it.'
      : 'No page matches the search.';
  return h('tr', {}, h('td.empty', { colspan: width }, text));
}

function openPurge() {
  const hint =
    '/posts/1 is one page, /posts/* also everything below /posts, tag:news all pages with a tag, and /* every page.';
  form('Purge pages', 'Path, URL or tag', hint, 'Purge', (text) => {
    const [, tag] = /^tag:(.+)$/.exec(text) ?? [];
    const isMany = tag !== undefined || text.endsWith('*');
    return purge(
      tag === undefined ? { path: [text] } : { tag: [tag] },
      text,
      isMany ? 'All these pages are deleted. Each is rendered again for its next visitor.' : undefined,
    );
  });
}

function openPublish() {
  const hint = 'The application renders the page now, for a visitor without cookies, and stores it.';
  form('Publish a page', 'Path or URL', hint, 'Publish', (text) => publish([text]));
}

function form(name, label, hint, action, submit) {
  const panel = byId('panel');
  const input = h('input', {
    id: 'what',
    required: true,
    autofocus: true,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'hint',
  });
  panel.replaceChildren(
    h('h2', { id: 'panel-title' }, name),
    h(
      'form.stack',
      {
        submit: (event) => {
          event.preventDefault();
          panel.close();
          void submit(input.value.trim());
        },
      },
      h('label', { for: 'what' }, label),
      input,
      h('p.note', { id: 'hint' }, hint),
      h(
        'div.row.end',
        {},
        h('button', { type: 'button', click: () => panel.close() }, 'Cancel'),
        h('button.primary', {}, action),
      ),
    ),
  );
  panel.className = '';
  panel.showModal();
}
