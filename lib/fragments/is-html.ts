/** Whether a content type is that of the pages that fragments can stand in: nginx's SSI filter reads no other. */
export function isHtml(contentType: unknown): boolean {
  return /^text\/html\s*(?:;|$)/i.test(typeof contentType === 'string' ? contentType : '');
}
