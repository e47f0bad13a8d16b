/** Tombstones (spec §12.3). */
import { equal } from './bytes.js';
import { type Cbor, decode, encode } from './cbor.js';
import { demand } from './fail.js';
import { LIMITS } from './limits.js';
import type { SignedPlace } from './manifest.js';
import { ascending, atMost, bstr, int, list, names, uint } from './shape.js';
import { demandName, openEnvelope } from './signature.js';

/** One backup that was forgotten on purpose. */
export interface Forgotten {
  readonly digest: Uint8Array;
  readonly sequence: number;
  readonly parents: Uint8Array[];
  readonly successor: Uint8Array | null;
}

export interface Tombstone {
  readonly id: Uint8Array;
  readonly time: number;
  readonly rows: Forgotten[];
}

export function tombstonePayload(tombstone: Tombstone): Uint8Array {
  const rows = tombstone.rows.map((row): Cbor => [row.digest, row.sequence, row.parents, row.successor]);
  return encode([tombstone.id, tombstone.time, rows]);
}

function readRow(value: Cbor): Forgotten {
  const [digest, sequence, parents, successor] = list(value, 4);
  return {
    digest: bstr(digest, 32),
    sequence: uint(sequence, 1),
    parents: atMost(names(parents, 'ascending'), LIMITS.parents, 'parents'),
    successor: successor === null ? null : bstr(successor, 32),
  };
}

/** Verifies and reads a tombstone object. */
export function readTombstone(bytes: Uint8Array, place: SignedPlace): Tombstone {
  demand(bytes.length <= LIMITS.manifestBytes, 'LIMIT_EXCEEDED', '§15', 'the tombstone is too long');
  demandName(place.name, bytes);
  const { id, signers } = place;
  const roles = ['admin'] as const;
  const { payload } = openEnvelope(bytes, {
    type: 'tombstone',
    limit: LIMITS.manifestBytes,
    id,
    roles,
    signers,
  });
  const [repository, time, rowItems] = list(decode(payload), 3);
  const rows = list(rowItems).map(readRow);
  demand(rows.length > 0, 'FORMAT_INVALID', '§12.3', 'no rows');
  ascending(rows.map((row) => row.digest));
  demand(equal(bstr(repository, 16), id), 'REFERENCE_TAMPERED', '§12.3', 'another repository');
  return { id, time: int(time), rows };
}
