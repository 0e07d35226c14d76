import { BlockList, isIP } from 'node:net';

/**
 * Addresses that are not on the public internet: IANA's special-purpose registries (RFC 6890 and its updates), multicast,
 * and the ranges that wrap an IPv4 address inside an IPv6 one, through which a private address could be reached.
 */
const notPublic = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local: clouds answer with machine credentials here.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv6');
}

/** Whether an IP address, in any of its spellings, belongs to the public internet. Text that is no address does not. */
export function isPublicAddress(address: string): boolean {
  const [bare = ''] = address.split('%', 1);
  const family = isIP(bare);
  return family !== 0 && !notPublic.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

/** The address that a URL's host is when it names no machine but an IP address; null: it is a name. */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  return isIP(host) === 0 ? null : host;
}

/** Names and addresses of this machine itself. */
export function isLoopback(url: URL): boolean {
  const address = literalAddress(url);
  if (address !== null) return address === '::1' || address.startsWith('127.');
  return url.hostname === 'localhost' || url.hostname.endsWith('.localhost');
}
