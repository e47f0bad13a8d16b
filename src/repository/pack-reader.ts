/** Reading packs: the footer alone, or the whole with every byte checked. Implements §8.1 for readers. */

import { isNbakError, NbakError } from '../errors.js';
import { SIGNED_TYPES } from '../format/cose.js';
import type { PackId } from '../format/ids.js';
import {
  decodeFooter,
  decodePackTrailer,
  packSize,
  PACK_TRAILER_BYTES,
  type Footer,
} from '../format/pack.js';
import { packName } from './object-names.js';
import type { Repository } from './open.js';
import { corruptPack, type FrameChecker, type PackVerdict } from './pack-check.js';
import { packIdOf } from './pack-writer.js';

/** A footer whose name and signature were checked. */
export interface VerifiedFooter {
  readonly footer: Footer;
  readonly signedFooter: Uint8Array;
  /** The size that the whole pack must have. */
  readonly size: number;
}

/** A pack as a storage lists it. */
export interface ListedPack {
  readonly id: PackId;
  /** Bytes. */
  readonly size: number;
}

/** Holds the footer of nearly every pack, so that one read is enough. */
const TAIL_BYTES = 32 * 1024;

/**
 * Verifies a signed footer that belongs to pack `id`.
 *
 * @throws NbakError `OBJECT_CORRUPT`, `SIGNER_UNKNOWN`, `SIGNATURE_INVALID`, `FORMAT_INVALID`, `REFERENCE_TAMPERED` …
 */
export function verifyFooter(repository: Repository, id: PackId, signedFooter: Uint8Array): VerifiedFooter {
  const what = packName(id);
  if (packIdOf(repository, signedFooter) !== id)
    throw corruptPack(what, 'its footer does not match its name');
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

/** Verifies footers, each once however often it is met: in its pack, in index objects. */
export class FooterVerifier {
  readonly #repository: Repository;
  readonly #verified = new Map<PackId, VerifiedFooter>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  /** As {@link verifyFooter}. */
  verify(id: PackId, signedFooter: Uint8Array): VerifiedFooter {
    // A pack is named by its footer's hash: of a footer that is known, only the hash is left to compare.
    const known = packIdOf(this.#repository, signedFooter) === id ? this.#verified.get(id) : undefined;
    if (known !== undefined) return known;
    const verified = verifyFooter(this.#repository, id, signedFooter);
    this.#verified.set(id, verified);
    return verified;
  }
}

/**
 * Reads a whole pack and checks every byte of it (§8.1).
 *
 * @param pack.size - bytes, as the storage lists it.
 * @param footers - verifies the footer; index objects hold the same ones.
 * @returns the footer and what its frames are.
 * @throws NbakError when the pack as a whole cannot be trusted.
 */
export async function checkPack(
  repository: Repository,
  checker: FrameChecker,
  pack: ListedPack,
  footers = new FooterVerifier(repository),
): Promise<VerifiedFooter & PackVerdict> {
  const verified = await readFooter(repository, pack, footers);
  const frames = { name: packName(pack.id), footer: verified.footer };
  return { ...verified, ...(await checker.check(repository.storage, frames)) };
}

/**
 * Reads and verifies the footer of a pack.
 *
 * @throws NbakError as {@link checkPack}.
 */
export async function readFooter(
  repository: Repository,
  pack: ListedPack,
  footers: FooterVerifier,
): Promise<VerifiedFooter> {
  const { id, size } = pack;
  const name = packName(id);
  let tail = await readTail(repository, pack, Math.min(TAIL_BYTES, size));
  const length = corruptIfInvalid(name, () => decodePackTrailer(tail.subarray(-PACK_TRAILER_BYTES), size));
  const endBytes = length + PACK_TRAILER_BYTES;
  if (endBytes > tail.length) tail = await readTail(repository, pack, endBytes);
  const signedFooter = tail.slice(tail.length - endBytes, tail.length - PACK_TRAILER_BYTES);
  const verified = footers.verify(id, signedFooter);
  if (verified.size !== size) throw corruptPack(name, `it has ${size} bytes instead of ${verified.size}`);
  return verified;
}

async function readTail({ storage }: Repository, pack: ListedPack, length: number): Promise<Uint8Array> {
  const name = packName(pack.id);
  const tail = await storage.get(name, { offset: pack.size - length, length });
  if (tail.length !== length) throw corruptPack(name, 'it is shorter than the storage says');
  return tail;
}

function corruptIfInvalid<T>(name: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (isNbakError(error, 'FORMAT_INVALID')) throw corruptPack(name, 'its trailer is damaged');
    throw error;
  }
}
