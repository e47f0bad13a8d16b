/** The payload of the object `repository`. Implements §13.1. */

import { decodeCbor, encodeCbor, type CborValue } from './cbor.js';
import { newer } from './compressed-object.js';
import { idFromBytes, idToBytes, type RepositoryId } from './ids.js';
import type { NamesMode } from './manifest.js';
import { asBytes, asInt, asRecord, asUint, invalidField } from './shape.js';

/** What `init` states about the repository. */
export interface RepositoryObject {
  readonly id: RepositoryId;
  /** The admin public key of epoch 1, 32 bytes. */
  readonly admin: Uint8Array;
  readonly names: NamesMode;
  readonly created: number;
}

const FORMAT = 2;

/** Encodes the payload of `repository`. */
export function encodeRepositoryObject({ id, admin, names, created }: RepositoryObject): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ['id', idToBytes(id)],
      ['admin', admin],
      ['names', names === 'sealed' ? 1 : 0],
      ['format', FORMAT],
      ['created', created],
    ]),
  );
}

/**
 * Decodes the payload of `repository`.
 *
 * @throws NbakError `FORMAT_INVALID` or `FORMAT_NEWER`.
 */
export function decodeRepositoryObject(payload: Uint8Array): RepositoryObject {
  const structure = 'the repository object';
  const f = asRecord(decodeCbor(payload, structure), structure, [
    'id',
    'admin',
    'names',
    'format',
    'created',
  ]);
  const format = asUint(f.format, structure, 'format');
  if (format > FORMAT) throw newer(structure, 'format', format);
  if (format < FORMAT) throw invalidField(structure, 'format', `${FORMAT}`);
  return {
    id: idFromBytes(asBytes(f.id, structure, 'id', 16)),
    admin: asBytes(f.admin, structure, 'admin', 32),
    names: asUint(f.names, structure, 'names', 1) === 1 ? 'sealed' : 'plain',
    created: asInt(f.created, structure, 'created'),
  };
}
