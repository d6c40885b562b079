/** A list of servers as one text, the same for every order of them. */
export function serverList(servers: readonly { readonly address: string; readonly weight: number }[]): string {
  const sorted = servers.toSorted((one, other) => (one.address < other.address ? -1 : 1));
  return JSON.stringify(sorted.map(({ address, weight }) => [address, weight]));
}

/** The addresses in such a text; none when the text is no list. */
export function addressesIn(list: string): readonly string[] {
  try {
    const servers: unknown = JSON.parse(list);
    return Array.isArray(servers) ? servers.map((server: unknown) => String((server as unknown[])[0])) : [];
  } catch {
    return [];
  }
}
