import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { GatewayError } from '../core/errors.ts';
import { isLoopback, isPublicAddress, literalAddress } from './address-rules.ts';

/** For an address that nobody here has chosen and that is not on the public internet. */
export function refusedAddress(): GatewayError {
  return new GatewayError('invalid_value', 'The address is not one on the public internet.');
}

/** Throws GatewayError `invalid_value` for an address that is private as it is written; names are judged while connecting. */
export function requirePublic(url: URL): void {
  const address = literalAddress(url);
  if (isLoopback(url) || (address !== null && !isPublicAddress(address))) throw refusedAddress();
}

/** Resolves a name, and fails when any of its addresses is private: a name can be pointed anywhere, at any time. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error) callback(error, '', 0);
    else if (!first || addresses.some((one) => !isPublicAddress(one.address))) callback(refusedAddress(), '', 0);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
