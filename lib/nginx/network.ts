import { isIPv4, isIPv6 } from 'node:net';

/**
 * Whether the text is an address, or a network whose other bits are 0: nginx warns of bits that mean nothing.
 *
 * Not a network of all addresses: whoever trusts all of them takes any visitor for a proxy.
 */
export function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([0-9a-f.:]+)(?:\/([1-9]\d{0,2}))?$/i.exec(text) ?? [];
  const size = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  const free = size - Number(bits ?? size);
  return size > 0 && free >= 0 && numberOf(address) % 2n ** BigInt(free) === 0n;
}

function numberOf(address: string): bigint {
  if (isIPv4(address)) return joined(address.split('.').map(Number), 8n);
  // In the form of WHATWG URL, there are no dots.
  const [head = [], tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::').map(groups);
  const missing = tail === undefined ? 0 : 8 - head.length - tail.length;
  return joined([...head, ...Array<number>(missing).fill(0), ...(tail ?? [])], 16n);
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
}

function joined(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((number, part) => (number << bits) + BigInt(part), 0n);
}
