/** Footers of packs (spec §8.2). */
import { hex } from './bytes.js';
import { type Cbor, decode, encode } from './cbor.js';
import { demand } from './fail.js';
import { FRAME_OVERHEAD } from './blob.js';
import { LIMITS } from './limits.js';
import { atMost, bstr, list, uint } from './shape.js';
import { openEnvelope, type Signer } from './signature.js';
import { equal } from './bytes.js';

/** One blob of a pack; `as` names the bytes of a stand-in. */
export interface FooterBlob {
  readonly id: Uint8Array;
  readonly tag: Uint8Array;
  readonly kind: number;
  readonly length: number;
  readonly as: Uint8Array | null;
}

export interface Footer {
  readonly id: Uint8Array;
  readonly epoch: number;
  readonly session: Uint8Array;
  readonly dedup: number;
  readonly blobs: readonly FooterBlob[];
}

export function footerPayload(footer: Footer): Uint8Array {
  const rows = footer.blobs.map((blob): Cbor[] => {
    const row: Cbor[] = [blob.id, blob.tag, blob.kind, blob.length];
    return blob.as === null ? row : [...row, blob.as];
  });
  return encode([footer.id, footer.epoch, footer.session, footer.dedup, rows]);
}

function readRow(value: Cbor): FooterBlob {
  const row = list(value);
  demand(row.length === 4 || row.length === 5, 'FORMAT_INVALID', '§8.2', 'a row of another length');
  const length = uint(row[3], FRAME_OVERHEAD + 8);
  demand(length <= LIMITS.sealedBytes + FRAME_OVERHEAD, 'LIMIT_EXCEEDED', '§15', 'a blob is too long');
  const kind = uint(row[2]);
  demand(kind >= 1 && kind <= 5, 'FORMAT_NEWER', '§6.2', 'unknown kind');
  const as = row.length === 5 ? bstr(row[4], 32) : null;
  return { id: bstr(row[0], 32), tag: bstr(row[1], 32), kind, length, as };
}

/** Verifies and reads a footer; `id` is the repository's. */
export function readFooter(bytes: Uint8Array, id: Uint8Array, signers: readonly Signer[]): Footer {
  const roles = ['backup', 'admin'] as const;
  const { payload, signer } = openEnvelope(bytes, {
    type: 'footer',
    limit: LIMITS.footerBytes,
    id,
    roles,
    signers,
  });
  const [repository, epoch, session, dedup, rows] = list(decode(payload), 5);
  const blobs = atMost(list(rows), LIMITS.packBlobs, 'blobs').map(readRow);
  const footer = {
    id: bstr(repository, 16),
    epoch: uint(epoch, 1, 2 ** 32 - 1),
    session: bstr(session, 16),
    dedup: uint(dedup, 1),
    blobs,
  };
  demand(blobs.length > 0, 'FORMAT_INVALID', '§8.2', 'no blobs');
  demand(
    new Set(blobs.map((blob) => hex(blob.id))).size === blobs.length,
    'FORMAT_INVALID',
    '§8.2',
    'an id twice',
  );
  const standIns = blobs.some((blob) => blob.as !== null);
  demand((signer.role === 'admin') === standIns, 'SIGNER_UNKNOWN', '§4.1', 'signed in the wrong role');
  const current = Math.max(...signers.map((known) => known.epoch));
  demand(!standIns || signer.epoch === current, 'SIGNER_UNKNOWN', '§8.4', 'an old admin key');
  demand(equal(footer.id, id), 'REFERENCE_TAMPERED', '§8.2', 'another repository');
  demand(footer.epoch === signer.epoch, 'REFERENCE_TAMPERED', '§8.2', 'the signer belongs to another epoch');
  return footer;
}
