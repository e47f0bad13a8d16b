/** What somebody with a signing key of his own can do: sign a whole repository anew and put it in the old one's place. */

import { decodeEnvelope, SIGNED_TYPES, type SignedType } from '#nbak/format/cose.js';
import { decodeEpochRecord, encodeEpochRecord } from '#nbak/format/epoch-record.js';
import { LIMITS } from '#nbak/format/limits.js';
import { decodeRepositoryObject, encodeRepositoryObject } from '#nbak/format/repository-object.js';
import { epochName, REPOSITORY_NAME } from '#nbak/repository/object-names.js';
import type { Signer } from '#nbak/vault/signing.js';
import { footerOf, framesOf, indexFrom, manifestFrom, packFrom, sha256, type Planted } from './outsider.js';
import { objectsUnder, onlyObject, type Snapshot } from './snapshots.js';

/** Signs payloads of one repository; {@link Signer} with a key that need not be sound. */
export type Usurper = Pick<Signer, 'publicKey' | 'sign'>;

function payloadOf(object: Uint8Array, type: SignedType): Uint8Array {
  return decodeEnvelope(object, type, LIMITS.footerBytes).payload;
}

/** The repository object with another admin key, signed by `usurper`. */
export function usurpedRepositoryObject(snapshot: Snapshot, usurper: Usurper): Planted {
  const [, object] = onlyObject(snapshot, REPOSITORY_NAME);
  const stated = decodeRepositoryObject(payloadOf(object, SIGNED_TYPES.repository));
  const payload = encodeRepositoryObject({ ...stated, admin: usurper.publicKey });
  return [REPOSITORY_NAME, usurper.sign(SIGNED_TYPES.repository, payload)];
}

/** Record 1 with other keys; key check and seal stay, which only the vault key could make. */
export function usurpedRecord(snapshot: Snapshot, admin: Usurper, backup: Uint8Array): Planted {
  const [, object] = onlyObject(snapshot, 'epochs/');
  const record = decodeEpochRecord(payloadOf(object, SIGNED_TYPES.epoch));
  const payload = encodeEpochRecord({ ...record, admin: admin.publicKey, backup: [backup] });
  const signed = admin.sign(SIGNED_TYPES.epoch, payload);
  return [epochName(1, sha256(signed)), signed];
}

/** Everything that is signed, signed anew; blobs and pages stay what they are. */
export function usurped(snapshot: Snapshot, admin: Usurper, backup: Usurper): Snapshot {
  const packs = objectsUnder(snapshot, 'packs/').map(([, pack]) =>
    packFrom(
      framesOf(pack),
      backup.sign(SIGNED_TYPES.footer, payloadOf(footerOf(pack), SIGNED_TYPES.footer)),
    ),
  );
  const manifests = objectsUnder(snapshot, 'manifests/').map(([, manifest]) =>
    manifestFrom(backup.sign(SIGNED_TYPES.manifest, payloadOf(manifest, SIGNED_TYPES.manifest))),
  );
  return new Map([
    usurpedRepositoryObject(snapshot, admin),
    usurpedRecord(snapshot, admin, backup.publicKey),
    ...packs,
    indexFrom(packs.map(([, pack]) => footerOf(pack))),
    ...objectsUnder(snapshot, 'pages/'),
    ...manifests,
  ]);
}
