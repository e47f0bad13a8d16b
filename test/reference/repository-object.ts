/** The repository object (spec §13.1). */
import { equal } from './bytes.js';
import { decode, encode, map } from './cbor.js';
import { demand } from './fail.js';
import { LIMITS } from './limits.js';
import { checkPublicKey } from './public-key.js';
import { bstr, fields, int, uint } from './shape.js';
import { demandSignature, demandType, fingerprint, readEnvelope } from './signature.js';

export interface RepositoryObject {
  readonly id: Uint8Array;
  readonly admin: Uint8Array;
  readonly names: number;
  readonly format: number;
  readonly created: number;
}

export const repositoryPayload = (repository: RepositoryObject): Uint8Array => encode(map({ ...repository }));

/**
 * Reads the object `repository`. Id and key come from the payload, so it proves nothing until the key is
 * compared with that of the accepted record 1 (§19.1).
 */
export function readRepositoryObject(bytes: Uint8Array): RepositoryObject {
  const envelope = readEnvelope(bytes, LIMITS.recordBytes);
  demandType(envelope, 'repository');
  const payload = fields(decode(envelope.payload), ['id', 'admin', 'names', 'format', 'created']);
  const format = uint(payload['format']);
  demand(format === 2, format > 2 ? 'FORMAT_NEWER' : 'FORMAT_INVALID', '§13.1', 'another format');
  const id = bstr(payload['id'], 16);
  const admin = bstr(payload['admin'], 32);
  checkPublicKey(admin, 'FORMAT_INVALID');
  demand(
    equal(envelope.fingerprint, fingerprint(admin)),
    'SIGNER_UNKNOWN',
    '§13.1',
    'not signed by the key it names',
  );
  demandSignature(envelope, id, admin);
  return { id, admin, names: uint(payload['names'], 0, 1), format, created: int(payload['created']) };
}
