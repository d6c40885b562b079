import { responseFormat } from '../../page/response-format.js';
import type { Flavour } from './flavour.js';

/** What the flavours have in common that keep status and header fields with the body. */
export const wholeResponses = {
  store: 'memcached',
  // Those that mean the same to every visitor, and for long (RFC 9110, section 15.1).
  statuses: [200, 301, 308, 404, 410],
  because: 'others are not for everyone, or not for long',
  format: () => responseFormat,
} satisfies Partial<Flavour>;
