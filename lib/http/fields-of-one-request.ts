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

/** Fields that say "only if it is still the same". Only the application can answer them (RFC 9110, sections 13.1.1 and 13.1.4). */
export const PRECONDITIONS = ['if-match', 'if-unmodified-since'] as const;

/** Fields that say "only if it is not what I have". A stored page can answer them, too (RFC 9110, sections 13.1.2 and 13.1.3). */
export const VALIDATIONS = ['if-none-match', 'if-modified-since'] as const;

/** Fields of a conditional or partial request: the answer would not be a whole page (RFC 9110, sections 13 and 14). */
export const CONDITIONS = [...VALIDATIONS, ...PRECONDITIONS, 'if-range', 'range'] as const;

/** Fields about content, and about how it is sent. A GET that is sent in the place of another request has none. */
// prettier-ignore
export const CONTENT_FIELDS = [
  'content-length', 'content-type', 'content-encoding', 'content-md5', 'digest', 'content-digest', 'transfer-encoding', 'expect',
] as const;
