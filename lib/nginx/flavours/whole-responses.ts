import { STORABLE_STATUSES } from '../../http/storable-statuses.js';
import type { Flavour } from './flavour.js';

/** What the flavours that keep status and header fields with the body have in common. */
export const wholeResponses = {
  store: 'memcached',
  statuses: STORABLE_STATUSES,
  because: 'others have no content, or must not be stored (RFC 6585)',
} satisfies Partial<Flavour>;
