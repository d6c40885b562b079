/**
 * Makes an element. Strings become text nodes, so an address or a tag stays text, whatever it says.
 *
 * @param {string} name `div`, or with classes `div.card.wide`
 * @param {Record<string, unknown>} [attributes] functions become listeners; `undefined` and `false` are left out
 * @param {...(Node | string | number | false | null | undefined)} children
 */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  return filled(element, attributes, children);
}

/** Makes an element of a picture in the same way. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Text between backticks becomes code. */
export function prose(text) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? h('code', {}, part) : part));
}

/** @param {string} id */
export function byId(id) {
  return document.getElementById(id);
}

/** Whether somebody is pressing a button in the element, or has selected text in it. Then it is left as it is. */
export function isInUse(element) {
  const selection = getSelection();
  return element.matches(':active') || (!selection.isCollapsed && element.contains(selection.anchorNode));
}

/** Replaces the content; the focus stays on an element that is still there. */
export function redraw(element, children) {
  const focused = element.contains(document.activeElement) ? nameOf(document.activeElement) : undefined;
  element.replaceChildren(...children);
  if (focused === undefined) return;
  const same = [...element.querySelectorAll('a, button, input, [tabindex]')].find((one) => nameOf(one) === focused);
  same?.focus({ preventScroll: true });
}

function nameOf(element) {
  const { tagName, textContent } = element;
  return [tagName, element.getAttribute('href'), element.getAttribute('aria-label') ?? textContent].join(' ');
}

let toastTimer;

/** Says what has happened, also to people who do not see it. */
export function toast(text, isError = false) {
  const element = byId('toast');
  element.textContent = text;
  element.className = isError ? 'shown error' : 'shown';
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (element.className = ''), isError ? 12_000 : 6000);
}

/** Asks whether to do something. @returns whether to do it */
export function confirmed(title, text, action) {
  const dialog = byId('confirm');
  return new Promise((resolve) => {
    dialog.replaceChildren(
      h('h2', { id: 'confirm-title' }, title),
      h('p', {}, text),
      h(
        'form.row.end',
        { method: 'dialog' },
        h('button', { value: 'no' }, 'Cancel'),
        h('button.danger', { value: 'yes', autofocus: true }, action),
      ),
    );
    dialog.returnValue = 'no';
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    dialog.showModal();
  });
}
