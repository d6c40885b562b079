/** Undoes percent-encoding (RFC 3986, section 2.1): one UTF-16 unit for each byte. */
export function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
