/** The small objects beside the data: key slots, leases and doom notes. Implements §13.4–§13.6. */

import { decodeCbor, type CborValue } from './cbor.js';
import { newer } from './compressed-object.js';
import { compareBytes, utf8 } from './bytes.js';
import { idFromBytes, type RepositoryId } from './ids.js';
import {
  asArray,
  asBytes,
  asCount,
  asInt,
  asText,
  asUint,
  assertAscending,
  invalidField,
  limitExceeded,
} from './shape.js';

const KIND_VAULT_KEY = 1;
const KIND_PASSPHRASE = 2;
const LEAST_LOG_N = 17;
const MOST_LOG_N = 20;

/** A key slot as it is stored; `kind` may be one that this version cannot open. */
export interface KeySlot {
  readonly repository: RepositoryId;
  readonly epoch: number;
  readonly kind: number;
}

/** A lease's payload. */
export interface Lease {
  readonly repository: RepositoryId;
  readonly session: Uint8Array;
  readonly purpose: number;
  readonly expires: number;
}

/** A doom note's payload: the object names that prune means to delete. */
export interface DoomNote {
  readonly repository: RepositoryId;
  readonly created: number;
  readonly objects: readonly string[];
}

/** Decodes a stored key slot's public fields; throws `FORMAT_INVALID`, `FORMAT_NEWER` or `LIMIT_EXCEEDED`. */
export function decodeKeySlot(bytes: Uint8Array): KeySlot {
  const structure = 'a key slot';
  const f = asArray(decodeCbor(bytes, structure), structure, 'the slot', 7);
  const type = asText(f[0], structure, 'its type');
  if (type !== 'nbak/v2/slot') throw newer(structure, 'type', type);
  const kind = asUint(f[3], structure, 'kind');
  assertParameters(kind, asArray(f[4], structure, 'parameters'));
  asBytes(f[5], structure, 'salt', 32);
  asBytes(f[6], structure, 'sealed', 80);
  return {
    repository: idFromBytes(asBytes(f[1], structure, 'id', 16)),
    epoch: asCount(f[2], structure, 'epoch', 0xffff_ffff),
    kind,
  };
}

/** §13.4: what scrypt would cost is bounded before any work; parameters of other kinds mean nothing here. */
function assertParameters(kind: number, parameters: readonly CborValue[]): void {
  const structure = 'a key slot';
  if (kind !== KIND_VAULT_KEY && kind !== KIND_PASSPHRASE) return;
  asArray(parameters, structure, 'parameters', kind === KIND_PASSPHRASE ? 1 : 0);
  if (kind === KIND_VAULT_KEY) return;
  const logN = asUint(parameters[0], structure, 'logN');
  if (logN < LEAST_LOG_N) throw invalidField(structure, 'logN', `at least ${LEAST_LOG_N}`);
  if (logN > MOST_LOG_N) throw limitExceeded(structure, 'logN', logN, MOST_LOG_N);
}

/** Decodes a lease's payload, whose signature has been verified; throws `FORMAT_INVALID`. */
export function decodeLease(payload: Uint8Array): Lease {
  const structure = 'a lease';
  const f = asArray(decodeCbor(payload, structure), structure, 'the payload', 6);
  const source = asBytes(f[3], structure, 'source');
  if (source.length !== 0 && source.length !== 32)
    throw invalidField(structure, 'source', 'empty or 32 bytes');
  asInt(f[4], structure, 'started');
  return {
    repository: idFromBytes(asBytes(f[0], structure, 'id', 16)),
    session: asBytes(f[1], structure, 'session', 16),
    purpose: asUint(f[2], structure, 'purpose', 2),
    expires: asInt(f[5], structure, 'expires'),
  };
}

/** Decodes a doom note's payload, whose signature has been verified; throws `FORMAT_INVALID`. */
export function decodeDoomNote(payload: Uint8Array): DoomNote {
  const structure = 'a doom note';
  const f = asArray(decodeCbor(payload, structure), structure, 'the payload', 3);
  const objects = asArray(f[2], structure, 'objects').map((name) =>
    asText(name, structure, 'an object name'),
  );
  assertAscending(objects, (a, b) => compareBytes(utf8(a), utf8(b)), structure, 'objects');
  return {
    repository: idFromBytes(asBytes(f[0], structure, 'id', 16)),
    created: asInt(f[1], structure, 'created'),
    objects,
  };
}
