import type { ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assetsDirectory } from './assets-directory.js';

/** Nothing comes from elsewhere, nothing is inline, nobody can frame the page, and no text becomes markup. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const FIELDS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

export function sendJson(response: ServerResponse, status: number, body: object): void {
  const fields = status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {};
  send(response, status, 'application/json', JSON.stringify(body), fields);
}

/** Sends a file that the browser needs, by its name. Nothing else in the directory can be asked for. */
export async function sendAsset(response: ServerResponse, name: string): Promise<void> {
  const [, extension = ''] = /^[\w-]+\.(html|css|js|svg)$/.exec(name) ?? [];
  const text = extension === '' ? undefined : await readFile(join(assetsDirectory(), name)).catch(() => undefined);
  if (!text) return sendJson(response, 404, { error: 'There is nothing here.' });
  send(response, 200, TYPES[extension]!, text);
}

export function redirect(response: ServerResponse, location: string): void {
  send(response, 308, 'text/plain', '', { Location: location });
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
  fields: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...FIELDS,
    ...fields,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
