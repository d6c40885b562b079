/**
 * The request field in which nginx tells the application which key it has looked up, or `bypass`. nginx always sets it, so a
 * visitor cannot.
 */
export const PAGE_KEY_HEADER = 'X-Page-Cache-Key';

/** The request field in which nginx tells the application which rules it decides by: with others, both may see a request differently. */
export const RULES_HEADER = 'X-Page-Cache-Rules';
