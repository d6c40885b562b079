import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { hasRanges, requestedRange } from '../http/byte-range.js';
import { type HeaderField, headerOf } from '../http/fields.js';
import { httpDate } from '../http/http-date.js';
import { isNotModified } from '../http/not-modified.js';
import { weak } from '../http/validators.js';
import type { Page } from '../page/page.js';

const gunzip = promisify(zlib.gunzip);

/** What a stored page says to one request: all of it, a part (206), 304 or 416. */
export interface StoredResponse {
  readonly status: number;
  /** The fields of the page. */
  readonly fields: readonly HeaderField[];
  /** Sent besides other values of the same field. */
  readonly vary: string | undefined;
  /** Sent in place of other values of the same fields. */
  readonly made: readonly HeaderField[];
  /** Names of fields that are not sent at all. */
  readonly unsaid: readonly string[];
  /** `gzip` when the content is packed. */
  readonly coding: 'gzip' | undefined;
  readonly body: Buffer | undefined;
}

/** RFC 9110, section 15.4.5: a 304 goes without the fields that describe the content. */
const OF_CONTENT = ['Content-Type', 'Content-Length', 'Content-Encoding'];

const UNSATISFIABLE = { status: 416, fields: [], vary: undefined, unsaid: [], coding: undefined, body: undefined };

/**
 * @param request the fields as they were sent
 * @param isLast whether nothing outside can give the content another coding
 * @returns `undefined` when what is stored is damaged
 */
export async function storedResponse(
  page: Page,
  request: IncomingHttpHeaders,
  isLast: boolean,
): Promise<StoredResponse | undefined> {
  const isPacked = page.contentEncoding === 'gzip';
  const unpacks = isPacked && !takesGzip(request['accept-encoding']);
  const fields = unpacks ? page.headers.map(weakTag) : page.headers;
  const vary =
    isPacked && !/\bAccept-Encoding\b|^\*$/i.test(headerOf(page, 'vary') ?? '') ? 'Accept-Encoding' : undefined;
  const date = httpDate(headerOf(page, 'date'));
  const made: HeaderField[] =
    date === undefined ? [] : [['Age', String(Math.max(0, Math.floor((Date.now() - date) / 1000)))]];
  if (isNotModified(page, request)) {
    return { status: 304, fields, vary, made, unsaid: OF_CONTENT, coding: undefined, body: undefined };
  }
  const body = unpacks ? await unpack(page.body) : page.body;
  if (!body) return undefined;
  // Ranges refer to the stored bytes.
  const isDivisible = isLast && !unpacks && hasRanges(page);
  const range = isDivisible ? requestedRange(page, request, body.length) : undefined;
  if (range === 'unsatisfiable') {
    // RFC 9110, section 15.5.17. With the fields of the page, caches would keep this answer in place of the page.
    return {
      ...UNSATISFIABLE,
      made: [
        ['Content-Range', `bytes */${body.length}`],
        ['Content-Length', '0'],
      ],
    };
  }
  const { start, end } = range ?? { start: 0, end: body.length };
  const coding = isPacked && !unpacks ? 'gzip' : undefined;
  if (coding) made.push(['Content-Encoding', coding]);
  if (isDivisible) made.push(['Accept-Ranges', 'bytes']);
  if (range) made.push(['Content-Range', `bytes ${start}-${end - 1}/${body.length}`]);
  made.push(['Content-Length', String(end - start)]);
  return {
    status: range ? 206 : page.status,
    fields,
    vary,
    made,
    unsaid: !isDivisible && hasRanges(page) ? ['Accept-Ranges'] : [],
    coding,
    body: range ? body.subarray(start, end) : body,
  };
}

/** All fields, in the order in which they would be sent if each were set on the response. */
export function fieldsOf({ fields, vary, made, unsaid }: StoredResponse): HeaderField[] {
  const replaced = new Map(made.map((field) => [field[0].toLowerCase(), field]));
  const left = unsaid.map((name) => name.toLowerCase());
  const own: HeaderField[] = [];
  for (const field of fields) {
    const name = field[0].toLowerCase();
    if (left.includes(name)) continue;
    own.push(replaced.get(name) ?? field);
    replaced.delete(name);
  }
  return [...own, ...(vary === undefined ? [] : [['Vary', vary] as const]), ...replaced.values()];
}

/** Most visitors have one of a few browsers, so they send one of a few values. */
const usual = new Map<string, boolean>();
const MAX_USUAL = 100;

function takesGzip(field: string | string[] | undefined): boolean {
  const sent = String(field ?? '');
  const remembered = usual.get(sent);
  if (remembered !== undefined) return remembered;
  const takes = new Negotiator({ headers: { 'accept-encoding': field } }).encoding(['gzip', 'identity']) === 'gzip';
  if (usual.size < MAX_USUAL) usual.set(sent, takes);
  return takes;
}

/** The same page in another coding. */
function weakTag([name, value]: HeaderField): HeaderField {
  return [name, name.toLowerCase() === 'etag' ? weak(value) : value];
}

/** @returns `undefined` when it is damaged */
function unpack(body: Buffer): Promise<Buffer | undefined> {
  return gunzip(body).catch(() => undefined);
}
