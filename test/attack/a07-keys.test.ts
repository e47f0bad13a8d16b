/** A7: no key but the one that was pinned, and what it introduced, counts: own keys, weak keys, other algorithms, keys found in the repository. */

import { createHmac, createPublicKey, verify as verifyNatively } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { isNbakError } from '#nbak/errors.js';
import { concatBytes, fromHex, toHex, utf8 } from '#nbak/format/bytes.js';
import { encodeCbor, type CborValue } from '#nbak/format/cbor.js';
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeProtected,
  SIGNED_TYPES,
  signedBytes,
} from '#nbak/format/cose.js';
import { idToBytes } from '#nbak/format/ids.js';
import { LIMITS } from '#nbak/format/limits.js';
import { openUnpinned, openWithPublicKey, openWithVaultKey } from '#nbak/repository/open.js';
import type { Storage } from '#nbak/storage/storage.js';
import { createSigner, fingerprintOf } from '#nbak/vault/signing.js';
import { formatVerificationKey, parseVerificationKey } from '#nbak/vault/verification-key.js';
import { judge } from '../support/engine-run.js';
import { manifestFrom, plant } from '../support/outsider.js';
import { onlyObject, storageWith, withObject, type Snapshot } from '../support/snapshots.js';
import { KEY_BYTES, tinyRepository } from '../support/tiny-repository.js';
import { usurped, usurpedRecord, usurpedRepositoryObject, type Usurper } from '../support/usurper.js';

let ours: Awaited<ReturnType<typeof tinyRepository>>;

beforeAll(async () => {
  ours = await tinyRepository();
});

/** A soundly made key that nobody introduced. */
function stranger(): Usurper {
  return createSigner(nodeCrypto, ours.unlocked.id, nodeCrypto.randomBytes(32));
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'accepted';
  } catch (error) {
    if (!isNbakError(error)) throw error;
    return error.code;
  }
}

/** Opens in each of the three ways. */
async function openings(
  storage: Storage,
): Promise<Readonly<Record<'pinned' | 'vault' | 'unpinned', string>>> {
  return {
    pinned: await codeOf(openWithPublicKey(storage, nodeCrypto, ours.publicKey)),
    vault: await codeOf(openWithVaultKey(storage, nodeCrypto, KEY_BYTES)),
    unpinned: await codeOf(openUnpinned(storage, nodeCrypto)),
  };
}

describe('A7 a key of one’s own', () => {
  it('A7: a repository signed anew as a whole is sound under its own key, and refused under the pinned one', async () => {
    const usurper = stranger();
    const forged = usurped(ours.snapshot, usurper, stranger());
    expect(await judge(await storageWith(forged), usurper.publicKey)).toMatchObject({ ok: true });
    expect(await judge(await storageWith(forged), ours.publicKey)).toMatchObject({
      exit: 21,
      codes: ['SIGNER_UNKNOWN'],
    });
  });

  it('A7: the vault key opens nothing of it either, though key check and seal are the old ones', async () => {
    const storage = await storageWith(usurped(ours.snapshot, stranger(), stranger()));
    expect(await openings(storage)).toEqual({
      pinned: 'SIGNER_UNKNOWN',
      vault: 'REFERENCE_TAMPERED',
      unpinned: 'accepted',
    });
  });

  it('A7: the repository object alone, or the record alone, under another key is refused', async () => {
    const usurper = stranger();
    const object = plant(ours.snapshot, usurpedRepositoryObject(ours.snapshot, usurper));
    expect(await openings(await storageWith(object))).toEqual({
      pinned: 'SIGNER_UNKNOWN',
      vault: 'SIGNER_UNKNOWN',
      unpinned: 'SIGNER_UNKNOWN',
    });
    const [old] = onlyObject(ours.snapshot, 'epochs/');
    const record = plant(
      withObject(ours.snapshot, old, undefined),
      usurpedRecord(ours.snapshot, usurper, usurper.publicKey),
    );
    expect(await openings(await storageWith(record))).toEqual({
      pinned: 'SIGNER_UNKNOWN',
      vault: 'REFERENCE_TAMPERED',
      unpinned: 'SIGNER_UNKNOWN',
    });
  });

  it('A7: a second record 1 beside the old one introduces nobody to who pinned the old key', async () => {
    const usurper = stranger();
    const both = plant(ours.snapshot, usurpedRecord(ours.snapshot, usurper, usurper.publicKey));
    expect(await codeOf(openWithPublicKey(await storageWith(both), nodeCrypto, ours.publicKey))).toBe(
      'accepted',
    );
    expect(await judge(await storageWith(both), ours.publicKey)).toMatchObject({ ok: false, exit: 21 });
  });

  it('A7: a manifest that a stranger signs, whose fingerprint claims the old key, is refused', async () => {
    const [, manifest] = onlyObject(ours.snapshot, 'manifests/');
    const { payload, fingerprint, protectedBytes, type } = envelopeOf(manifest);
    const seed = nodeCrypto.randomBytes(32);
    const unsigned = { type, fingerprint, protectedBytes, payload: concatBytes(payload) };
    const signature = nodeCrypto.ed25519Signer(seed)(signedBytes(unsigned, ours.unlocked.id));
    expect(await planted(encodeEnvelope({ ...unsigned, signature }))).toBe('SIGNATURE_INVALID');
    const own = fingerprintOf(nodeCrypto, nodeCrypto.ed25519PublicKey(seed));
    const named = { ...unsigned, fingerprint: own, protectedBytes: encodeProtected(type, own) };
    const honest = nodeCrypto.ed25519Signer(seed)(signedBytes(named, ours.unlocked.id));
    expect(await planted(encodeEnvelope({ ...named, signature: honest }))).toBe('SIGNER_UNKNOWN');
  });
});

const ORDER_8 = [
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
];
const signed = (hex: string): string =>
  `${hex.slice(0, 62)}${(Number.parseInt(hex.slice(62), 16) | 0x80).toString(16)}`;

/** The eight points of small order in all their encodings: eight canonical ones and six that only look different. */
const SMALL_ORDER: readonly string[] = [
  ...[
    `01${'00'.repeat(31)}`,
    `ec${'ff'.repeat(30)}7f`,
    '00'.repeat(32),
    ...ORDER_8,
    // y and y + p, where that still fits 255 bits.
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
  ].flatMap((encoding) => [encoding, signed(encoding)]),
];

/** A signature over anything that holds under a key of small order: R = [s]B, S = s, and [k]A vanishes for one s in eight. */
function forgeFor(publicKey: Uint8Array, message: Uint8Array): Uint8Array | undefined {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  for (let s = 1n; s < 200n; s += 1n) {
    const S = new Uint8Array(32);
    S[0] = Number(s);
    const signature = concatBytes(ed25519.Point.BASE.multiply(s).toBytes(), S);
    if (verifyNatively(null, message, key, signature)) return signature;
  }
  return undefined;
}

/** Signs with nobody's private key. */
function weakUsurper(publicKey: Uint8Array): Usurper {
  const fingerprint = fingerprintOf(nodeCrypto, publicKey);
  return {
    publicKey,
    sign(type, payload) {
      const unsigned = { type, fingerprint, protectedBytes: encodeProtected(type, fingerprint), payload };
      const signature = forgeFor(publicKey, signedBytes(unsigned, ours.unlocked.id)) ?? new Uint8Array(64);
      return encodeEnvelope({ ...unsigned, signature });
    },
  };
}

describe('A7 keys of small order', () => {
  it('A7: there are 14 encodings of them, and under each OpenSSL accepts a signature that nobody made', () => {
    expect(new Set(SMALL_ORDER).size).toBe(14);
    const message = utf8('anything');
    const forged = SMALL_ORDER.filter((hex) => forgeFor(fromHex(hex), message) !== undefined);
    expect(forged).toEqual(SMALL_ORDER);
  });

  it.each(SMALL_ORDER)('A7: %s is refused as a pin, as text and as bytes', async (hex) => {
    const key = fromHex(hex);
    expect(() => parseVerificationKey(formatVerificationKey(key))).toThrow(
      expect.objectContaining({ code: 'PUBLIC_KEY_MALFORMED' }) as Error,
    );
    const storage = await storageWith(usurped(ours.snapshot, weakUsurper(key), stranger()));
    expect(await codeOf(openWithPublicKey(storage, nodeCrypto, key))).toBe('PUBLIC_KEY_MALFORMED');
  });

  it.each(SMALL_ORDER)(
    'A7: %s is refused in a repository object and in a record, however it is opened',
    async (hex) => {
      const weak = weakUsurper(fromHex(hex));
      expect(await openings(await storageWith(usurped(ours.snapshot, weak, stranger())))).toEqual({
        pinned: 'FORMAT_INVALID',
        vault: 'FORMAT_INVALID',
        unpinned: 'FORMAT_INVALID',
      });
      // As the backup key of a record that the rightful admin signs: every manifest could then be forged.
      const { adminSigner } = ours.unlocked.secrets;
      const [old] = onlyObject(ours.snapshot, 'epochs/');
      const record = plant(
        withObject(ours.snapshot, old, undefined),
        usurpedRecord(ours.snapshot, adminSigner, weak.publicKey),
      );
      expect(await openings(await storageWith(record))).toEqual({
        pinned: 'FORMAT_INVALID',
        vault: 'FORMAT_INVALID',
        unpinned: 'FORMAT_INVALID',
      });
    },
  );
});

function envelopeOf(manifest: Uint8Array) {
  return decodeEnvelope(manifest, SIGNED_TYPES.manifest, LIMITS.manifestBytes);
}

/** The finding about a manifest that was put beside the good one. */
async function planted(manifest: Uint8Array): Promise<string | undefined> {
  const { codes } = await judge(
    await storageWith(plant(ours.snapshot, manifestFrom(manifest))),
    ours.publicKey,
  );
  expect(codes.length).toBeLessThanOrEqual(1);
  return codes[0];
}

/** A manifest with other labels in its protected header, its signature made by `make` over the bytes of RFC 9052. */
function withHeader(
  labels: readonly (readonly [number, CborValue])[],
  make: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const { payload, fingerprint, type } = envelopeOf(onlyObject(ours.snapshot, 'manifests/')[1]);
  const header = new Map<number, CborValue>([[3, type], [4, idToBytes(fingerprint)], ...labels]);
  // Deterministic order: unsigned labels before negative ones, ascending.
  const protectedBytes = encodeCbor(new Map([...header].sort(([a], [b]) => a - b)));
  const unsigned = { type, fingerprint, protectedBytes, payload };
  return encodeEnvelope({ ...unsigned, signature: make(signedBytes(unsigned, ours.unlocked.id)) });
}

describe('A7 another algorithm', () => {
  const byRightKey = (message: Uint8Array): Uint8Array => {
    // What the owner's key signs under another name of the algorithm must not count either.
    const { secrets, id } = ours.unlocked;
    const { root, epoch } = secrets;
    const salt = idToBytes(id);
    const info = concatBytes(utf8('nbak/v2/sign/backup'), Uint8Array.of(0, 0, 0, epoch));
    return nodeCrypto.ed25519Signer(nodeCrypto.hkdfSha256(root, salt, info, 32))(message);
  };
  /** The public key used as a secret, the oldest confusion of all. */
  const byMac = (message: Uint8Array): Uint8Array =>
    createHmac('sha512', ours.unlocked.secrets.backupSigner.publicKey).update(message).digest();

  it('A7: the right key and the right header are accepted, so that what follows fails for its own reason', async () => {
    expect(await planted(withHeader([[1, -8]], byRightKey))).toBeUndefined();
  });

  it.each([
    ['Ed25519 as -19', -19, byRightKey],
    ['ES256', -7, byRightKey],
    ['HMAC 512 with the public key as secret', 7, byMac],
    ['an algorithm of the reserved number 0', 0, byRightKey],
    ['the name of the algorithm as text', 'EdDSA', byRightKey],
  ] as const)('A7: %s is refused, whoever signs', async (_, algorithm, make) => {
    expect(await planted(withHeader([[1, algorithm]], make))).toBe('FORMAT_INVALID');
  });

  it('A7: no algorithm, one more label, or a label in the part that is not signed is refused', async () => {
    expect(await planted(withHeader([], byRightKey))).toBe('FORMAT_INVALID');
    expect(
      await planted(
        withHeader(
          [
            [1, -8],
            [5, new Uint8Array(12)],
          ],
          byRightKey,
        ),
      ),
    ).toBe('FORMAT_INVALID');
    const good = envelopeOf(withHeader([[1, -8]], byRightKey));
    const array = [good.protectedBytes, new Map([[1, -8]]), good.payload, good.signature];
    expect(await planted(concatBytes(Uint8Array.of(0xd2), encodeCbor(array)))).toBe('FORMAT_INVALID');
  });

  it('A7: the same bytes as COSE_Mac0, as COSE_Sign or without a tag are refused', async () => {
    const good = withHeader([[1, -8]], byRightKey);
    const mac0 = concatBytes(Uint8Array.of(0xd1), good.subarray(1));
    const sign = concatBytes(Uint8Array.of(0xd8, 98), good.subarray(1));
    for (const other of [mac0, sign, good.subarray(1)]) expect(await planted(other)).toBe('FORMAT_INVALID');
  });
});

describe('A7 the key that lies in the repository', () => {
  it('A7: what the repository says of its own key never reaches a verdict: who pins nothing gets none', async () => {
    const usurper = stranger();
    const forged: Snapshot = usurped(ours.snapshot, usurper, stranger());
    const storage = await storageWith(forged);
    const unpinned = await openUnpinned(storage, nodeCrypto);
    // It opens, for showing; the key that it vouches with is the stranger's, and the pin says so.
    expect(toHex(unpinned.verificationKey)).toBe(toHex(usurper.publicKey));
    expect(await judge(storage, ours.publicKey)).toMatchObject({ ok: false, codes: ['SIGNER_UNKNOWN'] });
  });
});
