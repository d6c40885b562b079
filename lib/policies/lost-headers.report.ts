import { Logger } from '@nestjs/common';
import type { HeaderField } from '../http/fields.js';
import { isNginxHeaderValue } from '../options/nginx-header-value.js';

/** How many differences are reported: the application may send other fields with each page. */
const MAX_REPORTS = 20;

/** How a page differs from what nginx would send. */
export interface HeaderDifference {
  /** Names in lower case of fields that the page has, but that nginx would not send, or not with that value. */
  readonly lost: readonly string[];
  /** Names of fields that nginx would send, but that the page does not have. */
  readonly added: readonly string[];
}

/** Says once for each difference what to do about it. */
export class LostHeadersReport {
  readonly #logger = new Logger('PageCache');
  readonly #reported = new Set<string>();

  /** @param common the field as every page so far has had it */
  report(target: string, { lost, added }: HeaderDifference, common: (name: string) => HeaderField | undefined): void {
    const offered = lost.flatMap((name) => {
      const field = common(name);
      return field && isNginxHeaderValue(field[1]) ? [field] : [];
    });
    const names = new Set(offered.map(([name]) => name.toLowerCase()));
    const other = lost.filter((name) => !names.has(name));
    const difference = JSON.stringify([offered, other, added]);
    if (this.#reported.has(difference) || this.#reported.size >= MAX_REPORTS) return;
    this.#reported.add(difference);
    this.#logger.warn(
      [
        `The page ${target} is not stored: nginx keeps only the body, so a hit would not have the same header fields.`,
        ...offer(offered),
        ...(other.length === 0 ? [] : [excuse(other)]),
        ...(added.length === 0 ? [] : [remove(added)]),
        'Then write the nginx configuration again and reload nginx. (Reported once; docs/what-is-cached.md)',
      ].join('\n'),
    );
  }
}

function offer(fields: readonly HeaderField[]): string[] {
  if (fields.length === 0) return [];
  return [
    'Every page so far has these. Let nginx send them, too: put these lines into nginx.headers.',
    ...fields.map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`),
  ];
}

function excuse(names: readonly string[]): string {
  const list = names.map((name) => JSON.stringify(name)).join(', ');
  return (
    `nginx cannot send ${names.join(', ')} with every page, since it is not on all of them with the same value. ` +
    `If it may be lost: excuseHeaders: [${list}]. Else use the flavour srcache or njs, which keep the fields of each page.`
  );
}

function remove(names: readonly string[]): string {
  return `nginx.headers has ${names.join(', ')}, and this page has not: take it out there, or send it with every page.`;
}
