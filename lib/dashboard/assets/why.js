import { publish } from './actions.js';
import { get } from './api.js';
import { h, prose } from './dom.js';
import { bytes, moment } from './units.js';

/** Why an address is a page, or not, as `nginx-cache why` says it. */
export function whyView(site, given, signal) {
  const target = h('input', {
    id: 'target',
    required: true,
    placeholder: '/posts/1',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const cookie = h('input', {
    id: 'cookie',
    placeholder: 'sid=1; theme=dark',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  target.value = given.get('target') ?? '';
  const answer = h('div', { 'aria-live': 'polite' });
  const ask = async () => {
    answer.replaceChildren(h('p.note', {}, 'Asking the site'));
    try {
      const why = await get('why', { target: target.value.trim(), cookie: cookie.value.trim() }, signal);
      answer.replaceChildren(shown(why, site, target.value.trim()));
    } catch (error) {
      answer.replaceChildren(h('p.problem', {}, error.message));
    }
  };
  const element = h(
    'section.stack.narrow',
    { 'aria-labelledby': 'title' },
    h('h2', { id: 'title' }, 'Why is a page not cached?'),
    h(
      'form.card.stack',
      { submit: (event) => (event.preventDefault(), void ask()) },
      h('div.field', {}, h('label', { for: 'target' }, 'Path or URL'), target),
      h('div.field', {}, h('label', { for: 'cookie' }, 'Cookies of the visitor, if any'), cookie),
      h(
        'div.row.between',
        {},
        h('p.note', {}, site.origin === undefined ? '' : `Requests the page from ${site.origin}, as a visitor does.`),
        h('button.primary', {}, 'Ask'),
      ),
    ),
    answer,
  );
  const update = async () => {
    if (target.value !== '') await ask();
    else target.focus();
  };
  return { element, update, every: undefined };
}

function shown({ isPage, outcome, why, cure, nginx, rule, answers, key, stored }, site, target) {
  const rows = [
    ...(why === undefined ? [] : [['Why', prose(why), 'text']]),
    ...(cure === undefined ? [] : [['What to do', prose(cure), 'text']]),
    ['nginx', [nginx, ...(rule?.sees ?? []).map((seen) => `by ${seen}`)].join('\n')],
    [
      'Answers',
      answers.map(({ status, cacheStatus }) => `${status} · Cache-Status: ${cacheStatus || 'none'}`).join('\n') ||
        'none',
    ],
    ['Key', key],
    ['Stored', storedText(stored)],
  ];
  return h(
    'div.card.stack',
    {},
    h(
      'h3.verdict',
      {},
      h(`span.badge.${isPage ? 'good' : 'bad'}`, {}, isPage ? 'cached' : 'not cached'),
      ` ${outcome}`,
    ),
    h(
      'dl',
      {},
      rows.map(([name, value, kind]) => h('div', {}, h('dt', {}, name), h(kind ? `dd.${kind}` : 'dd', {}, value))),
    ),
    site.canPublish && isPage && h('div.row', {}, h('button', { click: () => void publish([target]) }, 'Publish it')),
  );
}

function storedText({ isStored, bytes: size, until }) {
  if (isStored === undefined) return 'the store does not answer';
  if (!isStored) return 'nothing';
  const end = until === undefined ? 'until it is purged' : `until ${moment(until)}`;
  return `${size === undefined ? 'a page' : bytes(size)}, ${end}`;
}
