/**
 * The request field in which nginx tells the application which key it has looked up, or `bypass`. nginx always sets it, so a
 * visitor cannot.
 */
export const PAGE_KEY_HEADER = 'X-Page-Cache-Key';

/** The request field in which nginx tells the application the fingerprint of its configuration: with another one, both do not agree. */
export const CONFIGURATION_HEADER = 'X-Page-Cache-Configuration';
