import { addressOf, publish, purgePages } from './actions.js';
import { get } from './api.js';
import { byId, h } from './dom.js';
import { bytes, duration, number } from './units.js';

/** One stored page: its head and its body, as text. */
export async function openPage(page, site) {
  const panel = byId('panel');
  const body = h('div.stack', {}, h('p.note', {}, 'Reading the page'));
  const close = () => panel.close();
  const and = (action) => () => {
    close();
    void action();
  };
  panel.className = 'wide';
  panel.replaceChildren(
    h(
      'div.row.between.heading',
      {},
      h('h2.address', { id: 'panel-title' }, page.host !== undefined && h('span.host', {}, page.host), page.target),
      h('button', { click: close }, 'Close'),
    ),
    h(
      'div.row',
      {},
      h('button.danger', { click: and(() => purgePages([page])) }, 'Purge'),
      site.canPublish && h('button', { click: and(() => publish([addressOf(page)])) }, 'Publish again'),
      h('a.button', { href: `#why?${new URLSearchParams({ target: addressOf(page) })}`, click: close }, 'Why?'),
    ),
    body,
  );
  panel.showModal();
  try {
    const { stored } = await get('page', { target: addressOf(page) });
    body.replaceChildren(
      ...(stored.length === 0
        ? [h('p.empty', {}, 'This page is no longer stored.')]
        : stored.map((one) => shown(one, page))),
    );
  } catch (error) {
    body.replaceChildren(h('p.problem', {}, error.message));
  }
}

function shown({ key, status, headers, contentEncoding, tags, bytes: size, length, body }, { age, ttl }) {
  const rows = [
    ['Key', key],
    ['Status', String(status)],
    ...(age === undefined ? [] : [['Age', duration(age)]]),
    ...(ttl === undefined ? [] : [['Ends', ttl === 0 ? 'when it is purged' : `in ${duration(ttl)}`]]),
    [
      'Size',
      contentEncoding === undefined ? bytes(size) : `${bytes(size)} as ${contentEncoding}, ${bytes(length)} unpacked`,
    ],
    ...(tags?.length ? [['Tags', tags.join(' ')]] : []),
    ...headers,
  ];
  return h(
    'div.stack',
    {},
    h(
      'dl',
      {},
      rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    ),
    h('pre', { tabindex: '0', 'aria-label': 'Body' }, body),
    body.length < length && h('p.note', {}, `The first ${number(body.length)} characters of ${bytes(length)}.`),
  );
}
