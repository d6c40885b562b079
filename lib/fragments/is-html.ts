/** Whether a content type is that of pages that can have fragments: nginx's SSI filter reads no other. */
export function isHtml(contentType: unknown): boolean {
  return /^text\/html\s*(?:;|$)/i.test(typeof contentType === 'string' ? contentType : '');
}
