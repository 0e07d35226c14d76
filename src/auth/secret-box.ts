import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

/** A secret as it may lie in a database. */
export interface SealedSecret {
  /** Nonce (12 bytes), ciphertext, tag (16 bytes). */
  readonly sealed: Uint8Array;
  /** Which master key opens it. */
  readonly masterKeyId: string;
}

/** What a secret belongs to: sealed for one account and provider it cannot be opened for another. */
export interface SecretPlace {
  readonly accountId: string;
  readonly provider: string;
}

/** Seals secrets under the operator's master keys. */
export interface SecretBox {
  /** Under the first master key. */
  seal(secret: Secret, place: SecretPlace): SealedSecret;
  /**
   * Throws GatewayError `server_error` when no master key of this process has the id, or the bytes were sealed for
   * another place or changed since.
   */
  open(sealed: SealedSecret, place: SecretPlace): Secret;
  /** Id of the key that seals. Rows with another id are sealed anew when master keys are rotated. */
  readonly currentKeyId: string;
}

const nonceBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM under keys that HKDF-SHA256 derives from the master keys. The first one seals, all of them open: to rotate,
 * put a new one before the old. Random nonces of 96 bits are good for 2^32 secrets under one key (NIST SP 800-38D, 8.3).
 * Returns null for an empty list: then there is no box, and vendor keys of accounts cannot be kept.
 */
export function createSecretBox(masterKeys: readonly Secret[]): SecretBox | null {
  const keys = masterKeys.map(deriveKey);
  const current = keys[0];
  if (current === undefined) return null;
  const byId = new Map(keys.map((key) => [key.id, key]));
  return {
    currentKeyId: current.id,
    seal(secret, place) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', current.bytes, nonce, { authTagLength: tagBytes });
      cipher.setAAD(placeBytes(place));
      const ciphertext = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()]);
      return { sealed: Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]), masterKeyId: current.id };
    },
    open({ sealed, masterKeyId }, place) {
      const key = byId.get(masterKeyId);
      if (!key) {
        throw new GatewayError(
          'server_error',
          'A vendor key of this account was sealed under a master key that this server does not have.',
        );
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', key.bytes, sealed.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        });
        decipher.setAAD(placeBytes(place));
        decipher.setAuthTag(sealed.subarray(-tagBytes));
        const ciphertext = sealed.subarray(nonceBytes, -tagBytes);
        return new Secret(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8'));
      } catch (thrown) {
        throw new GatewayError('server_error', 'A vendor key of this account cannot be opened: it was changed.', {
          cause: thrown,
        });
      }
    },
  };
}

/** The id says which key it was and nothing about it: it comes from another branch of the derivation. */
function deriveKey(master: Secret): { readonly id: string; readonly bytes: Uint8Array } {
  const input = Buffer.from(master.reveal(), 'utf8');
  const derive = (purpose: string, length: number) =>
    new Uint8Array(hkdfSync('sha256', input, createHash('sha256').update('fluxscribe').digest(), purpose, length));
  return { id: `mk_${Buffer.from(derive('key id', 6)).toString('hex')}`, bytes: derive('provider keys', 32) };
}

/** Unambiguous: neither part can flow into the other. */
function placeBytes({ accountId, provider }: SecretPlace): Uint8Array {
  return Buffer.from(JSON.stringify([accountId, provider]), 'utf8');
}
