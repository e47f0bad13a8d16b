/** Every key of an epoch, from its root downwards. Implements §3; each label stands once, here. */

import type { CryptoProvider } from '../crypto/provider.js';
import { concatBytes, u32, utf8 } from '../format/bytes.js';
import { BLOB_KINDS, type BlobKind } from '../format/blob.js';
import { idToBytes, type RepositoryId } from '../format/ids.js';

/** Roles of signing keys (§3.5). */
export type SigningRole = 'backup' | 'admin';

/** A derived key and the commitment that goes with it. */
export interface CommittedKey {
  readonly key: Uint8Array;
  readonly commitment: Uint8Array;
}

/** The derivations of §3 for one repository. */
export interface KeySchedule {
  /** §3.2 */
  root(keyBytes: Uint8Array, epoch: number): Uint8Array;
  /** §3.3 */
  keyCheck(root: Uint8Array, epoch: number): Uint8Array;
  /** §3.4 */
  sessionSecret(root: Uint8Array, session: Uint8Array, kind: BlobKind): Uint8Array;
  /** §3.5 */
  signingSeed(root: Uint8Array, role: SigningRole, epoch: number): Uint8Array;
  /** §3.6 */
  tagKey(dedupSecret: Uint8Array): Uint8Array;
  /** §3.7 */
  digestKey(dedupSecret: Uint8Array): Uint8Array;
  /** §3.8 */
  gearKey(chunkerKey: Uint8Array): Uint8Array;
  /** §3.8: the 1024 bytes of the gear table. */
  gearBytes(chunkerKey: Uint8Array): Uint8Array;
  /** §3.8 */
  borderKey(chunkerKey: Uint8Array): Uint8Array;
  /** §3.12 */
  markKey(dedupSecret: Uint8Array): Uint8Array;
  /** §3.12: what seals the table of one place in the cache. */
  markTableKey(dedupSecret: Uint8Array, salt: Uint8Array, place: Uint8Array): Uint8Array;
  /** §3.9 */
  recordKey(root: Uint8Array, salt: Uint8Array, epoch: number): CommittedKey;
}

/** The key schedule of the repository `repository`, on `crypto`. */
export function keySchedule(crypto: CryptoProvider, repository: RepositoryId): KeySchedule {
  const id = idToBytes(repository);
  const derive = (ikm: Uint8Array, label: string, ...context: readonly Uint8Array[]): Uint8Array =>
    crypto.hkdfSha256(ikm, id, concatBytes(utf8(label), ...context), 32);
  const gearKey = (chunkerKey: Uint8Array): Uint8Array => derive(chunkerKey, 'nbak/v2/gear');
  return {
    root: (keyBytes, epoch) => derive(keyBytes, 'nbak/v2/root', u32(epoch)),
    keyCheck: (root, epoch) => derive(root, 'nbak/v2/check', u32(epoch)),
    sessionSecret(root, session, kind) {
      const sessionClass = kind === BLOB_KINDS.appKey ? 1 : 0;
      const info = concatBytes(utf8('nbak/v2/session'), Uint8Array.of(sessionClass));
      return crypto.hkdfSha256(root, concatBytes(id, session), info, 32);
    },
    signingSeed: (root, role, epoch) => derive(root, `nbak/v2/sign/${role}`, u32(epoch)),
    tagKey: (dedupSecret) => derive(dedupSecret, 'nbak/v2/tag'),
    digestKey: (dedupSecret) => derive(dedupSecret, 'nbak/v2/digest'),
    gearKey,
    gearBytes: (chunkerKey) => crypto.hkdfExpandSha256(gearKey(chunkerKey), utf8('nbak/v2/gear/table'), 1024),
    borderKey: (chunkerKey) => derive(chunkerKey, 'nbak/v2/border'),
    markKey: (dedupSecret) => derive(dedupSecret, 'nbak/v2/mark'),
    markTableKey: (dedupSecret, salt, place) =>
      crypto.hkdfSha256(dedupSecret, concatBytes(id, salt), concatBytes(utf8('nbak/v2/marks'), place), 32),
    recordKey(root, salt, epoch) {
      const info = concatBytes(utf8('nbak/v2/record'), u32(epoch));
      return splitKey(crypto.hkdfSha256(root, concatBytes(id, salt), info, 64));
    },
  };
}

/** §6.4: the key and commitment of one blob. */
export function blobKey(crypto: CryptoProvider, sessionSecret: Uint8Array, header: Uint8Array): CommittedKey {
  return splitKey(crypto.hkdfExpandSha256(sessionSecret, concatBytes(BLOB_LABEL, header), 64));
}

const BLOB_LABEL = utf8('nbak/v2/blob');

function splitKey(bytes: Uint8Array): CommittedKey {
  return { key: bytes.subarray(0, 32), commitment: bytes.subarray(32, 64) };
}
