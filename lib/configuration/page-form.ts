import type { HeaderField } from '../http/fields.js';
import type { ContentTypes } from '../page/content-types.js';
import type { PageFormat } from '../page/page-format.js';
import { digest } from './digest.js';

export const DEFAULT_CONTENT_TYPE = 'text/html; charset=utf-8';

/**
 * How nginx reads a stored value, as a word in the key. So nginx never takes a whole response for a body, and sends no page with a content
 * type or header fields that were not meant for it, even when one side runs with older options.
 *
 * @param headers what nginx sends with a body, because it knows that the application has sent the same
 * @returns '' for a body with the default content type and no fields: its key is as short as can be
 */
export function pageForm(
  format: PageFormat['name'],
  { ofAll, byPath }: ContentTypes,
  headers: readonly HeaderField[],
): string {
  if (format === 'response') return format;
  if (ofAll === DEFAULT_CONTENT_TYPE && Object.keys(byPath).length === 0 && headers.length === 0) return '';
  return digest(JSON.stringify([ofAll, Object.entries(byPath), headers]));
}
