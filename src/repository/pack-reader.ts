/** Reading packs: the footer alone, or the whole with every byte checked. Implements §8.1 for readers. */

import { isNbakError, NbakError } from '../errors.js';
import { decodeBlobFrame } from '../format/blob.js';
import { equalBytes, toHex } from '../format/bytes.js';
import { SIGNED_TYPES } from '../format/cose.js';
import type { PackId } from '../format/ids.js';
import { LIMITS } from '../format/limits.js';
import {
  decodeFooter,
  decodePackTrailer,
  packSize,
  PACK_TRAILER_BYTES,
  type Footer,
  type FooterBlob,
} from '../format/pack.js';
import type { BlobEngine } from './blob-engine.js';
import { packName } from './object-names.js';
import type { Repository } from './open.js';
import { packIdOf } from './pack-writer.js';

/** A footer whose name and signature were checked. */
export interface VerifiedFooter {
  readonly footer: Footer;
  readonly signedFooter: Uint8Array;
  /** The size that the whole pack must have. */
  readonly size: number;
}

/** A blob of a pack whose bytes are not what the footer says. */
export interface DamagedBlob {
  readonly blob: FooterBlob;
  readonly error: NbakError;
}

/**
 * Verifies a signed footer that belongs to pack `id`.
 *
 * @throws NbakError `OBJECT_CORRUPT`, `SIGNER_UNKNOWN`, `SIGNATURE_INVALID`, `FORMAT_INVALID`, `REFERENCE_TAMPERED` …
 */
export function verifyFooter(repository: Repository, id: PackId, signedFooter: Uint8Array): VerifiedFooter {
  const what = packName(id);
  if (packIdOf(repository, signedFooter) !== id) throw corrupt(what, 'its footer does not match its name');
  const { payload, signer } = repository.keyRing.verify(signedFooter, {
    type: SIGNED_TYPES.footer,
    role: 'any',
    what,
  });
  const footer = decodeFooter(payload);
  // §8.4: a backup key cannot redirect ids, an admin key does nothing else, and an old one no longer counts.
  const standIns = footer.blobs.some(({ as }) => as !== undefined);
  const mayList = standIns
    ? signer.role === 'admin' && signer.epoch === repository.epoch
    : signer.role === 'backup';
  if (!mayList) {
    throw new NbakError(
      'SIGNER_UNKNOWN',
      standIns
        ? `${what} lists stand-ins without the current admin key's signature`
        : `${what} lists no stand-ins and is signed by an admin key`,
      { details: { object: what, clause: '§8.4' } },
    );
  }
  if (footer.repository !== repository.id || footer.epoch !== signer.epoch) {
    throw new NbakError(
      'REFERENCE_TAMPERED',
      `${what} states another repository or epoch than its signer's`,
      {
        details: { object: what },
      },
    );
  }
  return { footer, signedFooter, size: packSize(footer, signedFooter.length) };
}

/**
 * Reads and verifies the footer of a pack of `size` bytes.
 *
 * @throws NbakError as {@link verifyFooter}, or a STORAGE code.
 */
export async function readFooter(repository: Repository, id: PackId, size: number): Promise<VerifiedFooter> {
  const name = packName(id);
  const trailerAt = Math.max(size - PACK_TRAILER_BYTES, 0);
  const trailer = await repository.storage.get(name, { offset: trailerAt, length: PACK_TRAILER_BYTES });
  const length = corruptIfInvalid(name, () => decodePackTrailer(trailer, size));
  const signedFooter = await repository.storage.get(name, { offset: trailerAt - length, length });
  const verified = verifyFooter(repository, id, signedFooter);
  if (verified.size !== size) throw corrupt(name, `it has ${size} bytes instead of ${verified.size}`);
  return verified;
}

/**
 * Reads a whole pack and checks every byte of it (§8.1).
 *
 * @returns the footer and the blobs whose bytes are not what it says.
 * @throws NbakError when the pack as a whole cannot be trusted.
 */
export async function checkPack(
  repository: Repository,
  engine: BlobEngine,
  pack: { readonly id: PackId; readonly size: number },
): Promise<VerifiedFooter & { readonly damaged: readonly DamagedBlob[] }> {
  const name = packName(pack.id);
  if (pack.size > LIMITS.packBytes)
    corruptIfInvalid(name, () => decodePackTrailer(new Uint8Array(0), pack.size));
  const bytes = await repository.storage.get(name, { offset: 0, length: pack.size });
  if (bytes.length !== pack.size) throw corrupt(name, 'it is shorter than the storage says');
  const trailer = bytes.subarray(Math.max(bytes.length - PACK_TRAILER_BYTES, 0));
  const length = corruptIfInvalid(name, () => decodePackTrailer(trailer, bytes.length));
  const footerAt = bytes.length - PACK_TRAILER_BYTES - length;
  const verified = verifyFooter(repository, pack.id, bytes.slice(footerAt, footerAt + length));
  if (verified.size !== bytes.length)
    throw corrupt(name, `it has ${bytes.length} bytes instead of ${verified.size}`);

  const ranges: { offset: number; length: number }[] = [];
  const headers: (NbakError | undefined)[] = [];
  let offset = 0;
  for (const blob of verified.footer.blobs) {
    ranges.push({ offset, length: blob.length });
    headers.push(
      headerContradiction(name, verified.footer, blob, bytes.subarray(offset, offset + blob.length)),
    );
    offset += blob.length;
  }
  // The engine may take the buffer over, so everything else was read from it before.
  const hashes = await engine.hash(bytes, ranges);
  const damaged = verified.footer.blobs.flatMap((blob, i): DamagedBlob[] => {
    if (hashes[i] !== (blob.as ?? blob.id)) {
      return [{ blob, error: corrupt(name, `blob ${blob.id} does not match its id`, { blob: blob.id }) }];
    }
    const error = headers[i];
    return error === undefined ? [] : [{ blob, error }];
  });
  return { ...verified, damaged };
}

/** §8.1: what a frame says of itself must be what the signed footer says of it. */
function headerContradiction(
  name: string,
  footer: Footer,
  blob: FooterBlob,
  frame: Uint8Array,
): NbakError | undefined {
  try {
    const { header } = decodeBlobFrame(frame);
    const agrees =
      header.kind === blob.kind &&
      header.epoch === footer.epoch &&
      toHex(header.tag) === blob.tag &&
      equalBytes(header.session, footer.session);
    if (agrees) return undefined;
    return new NbakError('REFERENCE_TAMPERED', `${name}: blob ${blob.id} contradicts the footer`, {
      details: { object: name, blob: blob.id },
    });
  } catch (error) {
    if (isNbakError(error)) return error;
    throw error;
  }
}

function corruptIfInvalid<T>(name: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (isNbakError(error, 'FORMAT_INVALID')) throw corrupt(name, 'its trailer is damaged');
    throw error;
  }
}

function corrupt(name: string, why: string, more: Readonly<Record<string, string>> = {}): NbakError {
  return new NbakError('OBJECT_CORRUPT', `${name} is corrupt: ${why}`, {
    details: { object: name, ...more },
    hint: 'Take this object from another copy of the repository, or back up again.',
  });
}
