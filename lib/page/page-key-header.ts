/**
 * The request field in which nginx tells the application which key it has looked up, or `bypass`. nginx always sets it, so a
 * visitor cannot.
 */
export const PAGE_KEY_HEADER = 'X-Page-Cache-Key';
