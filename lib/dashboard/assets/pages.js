import { purge, publish, purgePages } from './actions.js';
import { get } from './api.js';
import { byId, h } from './dom.js';
import { openPage } from './page-panel.js';
import { bytes, counted, duration, moment, number } from './units.js';

const ROWS = 100;

/** The columns; `order` is the name by which the API sorts. */
const COLUMNS = [
  { title: 'Page', order: 'page', cell: addressCell },
  { title: 'Tags', cell: tagsCell },
  { title: 'Age', order: 'age', isNumber: true, cell: ({ age }) => (age === undefined ? '–' : duration(age)) },
  { title: 'Ends in', order: 'ttl', isNumber: true, cell: endsCell },
  { title: 'Size', order: 'size', isNumber: true, cell: ({ size }) => (size === undefined ? '–' : bytes(size)) },
  { title: 'Read', order: 'read', cell: ({ isRead }) => (isRead === undefined ? '–' : isRead ? 'yes' : 'no') },
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

  const update = async () => {
    const number_ = (latest += 1);
    const found = await get('pages', { ...query, limit: ROWS }, signal);
    // An answer to an earlier input is useless by now.
    if (number_ === latest) draw(found);
  };
  const again = (changes) => {
    Object.assign(query, changes);
    const hash = query.search === '' ? '#pages' : `#pages?${new URLSearchParams({ search: query.search })}`;
    history.replaceState(null, '', hash);
    void update().catch((error) => (summary.textContent = error.message));
  };

  const draw = ({ total, matching, listed, problem: wrong, pages }) => {
    const isSpread = new Set(pages.map(({ server }) => server)).size > 1;
    const columns = COLUMNS.filter(({ isOptional }) => !isOptional || isSpread);
    head.replaceChildren(
      h('th', { scope: 'col' }, h('span.hidden', {}, 'Select')),
      ...columns.map((column) => title(column, query, again)),
    );
    rows.replaceChildren(...pages.map((page) => row(page, columns)));
    if (pages.length === 0) rows.append(emptyRow(total, columns.length + 1));
    problem.hidden = wrong === undefined;
    problem.textContent = wrong ?? '';
    const isAll = matching === total;
    summary.textContent = `${isAll ? counted(total, 'page') : `${number(matching)} of ${counted(total, 'page')}`}, as of ${moment(listed)}`;
    const last = Math.min(query.offset + ROWS, matching);
    pager.replaceChildren(
      h('span.note', {}, matching === 0 ? '' : `${number(query.offset + 1)} to ${number(last)}`),
      h(
        'button',
        { disabled: query.offset === 0, click: () => again({ offset: Math.max(0, query.offset - ROWS) }) },
        'Previous',
      ),
      h('button', { disabled: last >= matching, click: () => again({ offset: query.offset + ROWS }) }, 'Next'),
    );
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
        h('button', { click: () => openPurge() }, 'Purge …'),
        site.canPublish && h('button', { click: () => openPublish() }, 'Publish …'),
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

function title({ title: name, order, isNumber }, query, again) {
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
    h('button.plain', { click }, name, h('span', { 'aria-hidden': 'true' }, arrow)),
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
    Object.entries(variants).map(([name, value]) => h('span.chip', {}, `${name} ${value}`)),
  );
}

function tagsCell({ tags }, { search }) {
  if (tags === undefined) return h('span.note', { title: 'The store has lost them.' }, '?');
  return h(
    'span',
    {},
    tags.map((tag) => h('button.chip', { click: () => search(`tag:${tag}`), title: 'Pages with this tag' }, tag)),
  );
}

function endsCell({ ttl }) {
  if (ttl === undefined) return '–';
  return ttl === 0 ? 'until purged' : duration(ttl);
}

function emptyRow(total, width) {
  const text =
    total === 0
      ? 'No page is stored. They come with the first visitors, or by a publication.'
      : 'No page has such an address.';
  return h('tr', {}, h('td.empty', { colspan: width }, text));
}

function openPurge() {
  form('Purge', 'A path or URL (/posts/* with all below it), or tag:news. /* is everything.', 'Purge', (text) => {
    const [, tag] = /^tag:(.+)$/.exec(text) ?? [];
    const isMany = tag !== undefined || text.endsWith('*');
    return purge(
      tag === undefined ? { path: [text] } : { tag: [tag] },
      text,
      isMany ? 'Every page of it is deleted, and rendered again for its next visitor.' : undefined,
    );
  });
}

function openPublish() {
  form('Publish', 'A path or URL. It is rendered as nobody sees it, and stored.', 'Publish', (text) => publish([text]));
}

function form(name, hint, action, submit) {
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
      h('label', { for: 'what' }, 'Pages'),
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
