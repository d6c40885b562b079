import { isHeaderField } from '../http/header-field.js';
import type { HeaderField } from '../http/fields.js';
import type { Page } from './page.js';
import { storedFields } from '../http/stored-fields.js';

/** Whether a value is a page that the application has stored. A store may return anything. */
export function isPage(given: unknown): given is Page {
  const { status, headers, body, contentEncoding } = (given ?? {}) as Partial<Record<keyof Page, unknown>>;
  if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) return false;
  if (!Buffer.isBuffer(body) || !Array.isArray(headers) || !headers.every(isField)) return false;
  const isCoded = contentEncoding === 'gzip' && body[0] === 0x1f && body[1] === 0x8b;
  if (contentEncoding !== undefined && !isCoded) return false;
  return storedFields(headers).length === headers.length;
}

function isField(given: unknown): given is HeaderField {
  if (!Array.isArray(given) || given.length !== 2) return false;
  const [name, value] = given as unknown[];
  return typeof name === 'string' && typeof value === 'string' && isHeaderField([name, value]);
}
