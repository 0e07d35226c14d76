import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLoopback, isPublicAddress, literalAddress } from './address-rules.ts';

describe('address rules', () => {
  it('knows private, local and special addresses in every spelling', () => {
    const notPublic = [
      ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.9.9.9', '169.254.169.254', '172.16.0.1'],
      ...['172.31.255.255', '192.168.1.1', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
      ...['::', '::1', '::127.0.0.1', '::ffff:10.0.0.1', '::ffff:a00:1', '64:ff9b::7f00:1', 'fc00::1', 'fd12::1'],
      ...['fe80::1', 'fe80::1%eth0', 'ff02::1', '2002:7f00:1::', '2001:db8::1'],
      ...['', 'localhost', '10.0.0', '1.2.3.4.5'],
    ];
    for (const address of notPublic) assert.equal(isPublicAddress(address), false, address);
  });

  it('lets public addresses through', () => {
    for (const address of ['1.1.1.1', '172.32.0.1', '192.167.0.1', '2606:4700::1111', '::ffff:1.1.1.1']) {
      assert.equal(isPublicAddress(address), true, address);
    }
  });

  it('reads numbers in a URL as the address that they are', () => {
    assert.equal(literalAddress(new URL('http://0x7f.1/')), '127.0.0.1');
    assert.equal(literalAddress(new URL('http://2130706433/')), '127.0.0.1');
    assert.equal(literalAddress(new URL('http://[::ffff:127.0.0.1]/')), '::ffff:7f00:1');
    assert.equal(literalAddress(new URL('http://example.com/')), null);
  });

  it('knows this machine', () => {
    for (const url of ['http://localhost:1', 'http://a.localhost', 'http://127.1', 'http://[::1]']) {
      assert.equal(isLoopback(new URL(url)), true, url);
    }
    assert.equal(isLoopback(new URL('http://10.0.0.1')), false);
  });
});
