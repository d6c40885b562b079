const KEY = 'nginx-cache token';

/** The server does not know the token, or there is no token. */
export class SignedOut extends Error {}

/** Takes the token out of the address, where it could be seen and would be kept. */
export function takeToken() {
  const [, token] = /^#token=([\w.~+/=-]+)$/.exec(location.hash) ?? [];
  if (token === undefined) return;
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, '', `${location.pathname}#activity`);
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

/** Asks for something. @param {Record<string, unknown>} [parameters] lists are repeated, and empty values are left out */
export function get(name, parameters, signal) {
  return call('GET', name, parameters, signal);
}

/** Changes something. */
export function post(name, parameters) {
  return call('POST', name, parameters);
}

async function call(method, name, parameters = {}, signal) {
  const token = sessionStorage.getItem(KEY);
  if (token === null) throw new SignedOut();
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== undefined && one !== '' && one !== false) query.append(key, one);
  }
  const response = await fetch(`api/${name}?${query}`, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    signal,
  });
  if (response.status === 401) {
    if (sessionStorage.getItem(KEY) === token) sessionStorage.removeItem(KEY);
    throw new SignedOut();
  }
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}
