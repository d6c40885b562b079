/** Fields of one connection (RFC 9110, section 7.6.1). */
export const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
] as const;

/** "Only if it is still the same", which the application must say (RFC 9110, sections 13.1.1 and 13.1.4). */
export const PRECONDITIONS = ['if-match', 'if-unmodified-since'] as const;

/** "Only if it is not what I have", which a stored page can say, too (RFC 9110, sections 13.1.2 and 13.1.3). */
export const VALIDATIONS = ['if-none-match', 'if-modified-since'] as const;

/** Fields of a conditional or partial request: the answer would not be a whole page (RFC 9110, sections 13 and 14). */
export const CONDITIONS = [...VALIDATIONS, ...PRECONDITIONS, 'if-range', 'range'] as const;

/** Fields of content, and of how it comes. A GET that is sent in the place of another request has none. */
// prettier-ignore
export const CONTENT_FIELDS = [
  'content-length', 'content-type', 'content-encoding', 'content-md5', 'digest', 'content-digest', 'transfer-encoding', 'expect',
] as const;
