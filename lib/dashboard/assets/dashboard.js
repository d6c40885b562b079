import { activityView } from './activity.js';
import { get, keepToken, SignedOut, takeToken } from './api.js';
import { byId, h, toast } from './dom.js';
import { pagesView } from './pages.js';
import { storeView } from './store.js';
import { whyView } from './why.js';

/** Each view makes its elements, and returns a function that updates them and how often to call it, in milliseconds. */
const VIEWS = { activity: activityView, pages: pagesView, why: whyView, store: storeView };

let site;
let open = new AbortController();

takeToken();
addEventListener('hashchange', () => {
  takeToken();
  void show();
});
byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  keepToken(byId('token').value.trim());
  byId('token').value = '';
  void show();
});
void show();

/** The view and the query that the address names: `#pages?search=news`. */
function place() {
  const [name, query = ''] = location.hash.slice(1).split('?', 2);
  return { name: Object.hasOwn(VIEWS, name) ? name : 'activity', query: new URLSearchParams(query) };
}

async function show() {
  open.abort();
  open = new AbortController();
  const { signal } = open;
  const { name, query } = place();
  for (const link of byId('nav').children) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · nginx-cache`;
  try {
    site ??= await get('site', {}, signal);
    signIn(false);
    const { element, update, every } = VIEWS[name](site, query, signal);
    byId('view').replaceChildren(element);
    await keepUpdated(update, every, signal);
  } catch (error) {
    failed(error, signal);
  }
}

/** Updates the view, but not while nobody looks at the page. */
async function keepUpdated(update, every, signal) {
  while (!signal.aborted) {
    if (!document.hidden) {
      try {
        await update();
        state('live', every === undefined ? site.store : `${site.store} · live`);
      } catch (error) {
        if (error instanceof SignedOut || signal.aborted) throw error;
        state('down', error instanceof TypeError ? 'no answer' : error.message);
      }
    }
    if (every === undefined) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, every);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

function failed(error, signal) {
  if (error instanceof SignedOut) return signIn(true);
  if (signal.aborted) return;
  state('down', 'no answer');
  byId('view').replaceChildren(h('p.card.empty', {}, `The dashboard does not answer: ${error.message}`));
}

function signIn(isNeeded) {
  byId('sign-in').hidden = !isNeeded;
  byId('nav').hidden = isNeeded;
  byId('view').hidden = isNeeded;
  if (!isNeeded) return;
  site = undefined;
  state('', '');
  byId('token').focus();
}

function state(kind, text) {
  const element = byId('state');
  if (element.className !== kind || element.textContent !== text) {
    element.className = kind;
    element.textContent = text;
  }
}

/** After a purge or a publication, the view shows the new state. */
addEventListener('changed', ({ detail }) => {
  toast(detail);
  byId('main').focus();
  void show();
});
