/** Signing, and verifying by keys that were introduced, never by keys found beside the object. Implements §4.1–§4.2. */

import type { CryptoProvider } from '../crypto/provider.js';
import { NbakError } from '../errors.js';
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeProtected,
  signedBytes,
  type SignedType,
} from '../format/cose.js';
import { idFromBytes, type Fingerprint, type RepositoryId } from '../format/ids.js';
import { LIMITS } from '../format/limits.js';
import type { SigningRole } from './key-schedule.js';

/** Signs payloads of one repository with one key. */
export interface Signer {
  readonly publicKey: Uint8Array;
  /** The complete stored object. */
  sign(type: SignedType, payload: Uint8Array): Uint8Array;
}

/** A key that counts, and for what. */
export interface KnownKey {
  readonly publicKey: Uint8Array;
  readonly role: SigningRole;
  readonly epoch: number;
}

/** An object whose signature verified. */
export interface VerifiedObject {
  readonly payload: Uint8Array;
  readonly signer: KnownKey;
}

/** The fingerprint of a public key (§4.1). */
export function fingerprintOf(crypto: CryptoProvider, publicKey: Uint8Array): Fingerprint {
  return idFromBytes(crypto.sha256(publicKey));
}

/** A signer from an Ed25519 seed. */
export function createSigner(crypto: CryptoProvider, repository: RepositoryId, seed: Uint8Array): Signer {
  const publicKey = crypto.ed25519PublicKey(seed);
  const fingerprint = fingerprintOf(crypto, publicKey);
  const signMessage = crypto.ed25519Signer(seed);
  return {
    publicKey,
    sign(type, payload) {
      const unsigned = { type, fingerprint, protectedBytes: encodeProtected(type, fingerprint), payload };
      const signature = signMessage(signedBytes(unsigned, repository));
      return encodeEnvelope({ ...unsigned, signature });
    },
  };
}

/** The keys that a pinned key introduced (§19.2). */
export class KeyRing {
  readonly #crypto: CryptoProvider;
  readonly #repository: RepositoryId;
  readonly #byFingerprint = new Map<Fingerprint, KnownKey[]>();
  readonly keys: readonly KnownKey[];

  constructor(crypto: CryptoProvider, repository: RepositoryId, keys: readonly KnownKey[]) {
    this.#crypto = crypto;
    this.#repository = repository;
    this.keys = keys;
    for (const key of keys) {
      const fingerprint = fingerprintOf(crypto, key.publicKey);
      this.#byFingerprint.set(fingerprint, [...(this.#byFingerprint.get(fingerprint) ?? []), key]);
    }
  }

  /**
   * Verifies a signed object, steps 1 to 5 of §4.2.
   *
   * @param expected.role - the role that the signer must have; for a footer any of the two (§8.4).
   * @param what - the object, for messages.
   * @throws NbakError `LIMIT_EXCEEDED`, `FORMAT_INVALID`, `FORMAT_NEWER`, `SIGNER_UNKNOWN` or `SIGNATURE_INVALID`.
   */
  verify(
    bytes: Uint8Array,
    expected: { readonly type: SignedType; readonly role: SigningRole | 'any'; readonly what: string },
  ): VerifiedObject {
    const { type, role, what } = expected;
    const envelope = decodeEnvelope(bytes, type, mostBytes(type));
    const known = this.#byFingerprint.get(envelope.fingerprint) ?? [];
    const signer = known.find((key) => role === 'any' || key.role === role);
    if (signer === undefined) {
      throw new NbakError(
        'SIGNER_UNKNOWN',
        `Cannot trust ${what}: no ${role === 'any' ? '' : `${role} `}key that the pinned key introduced signed it`,
        {
          details: { object: what, signer: envelope.fingerprint },
          hint: 'Either the public key is not this repository’s, or somebody else wrote the object.',
        },
      );
    }
    if (
      !this.#crypto.ed25519Verify(
        signer.publicKey,
        envelope.signature,
        signedBytes(envelope, this.#repository),
      )
    ) {
      throw new NbakError('SIGNATURE_INVALID', `Cannot trust ${what}: its signature does not verify`, {
        details: { object: what },
        hint: 'The object was changed after it was signed, or belongs to another repository.',
      });
    }
    return { payload: envelope.payload, signer };
  }
}

function mostBytes(type: SignedType): number {
  switch (type) {
    case 'nbak/v2/repository':
    case 'nbak/v2/epoch':
    case 'nbak/v2/succession':
      return LIMITS.recordBytes;
    case 'nbak/v2/footer':
      return LIMITS.footerBytes;
    default:
      return LIMITS.manifestBytes;
  }
}
