/** Every pack, every byte (§20.1 step 3), and with secrets every blob opened (§20.3). */

import { isNbakError, NbakError } from '../errors.js';
import { BLOB_KINDS } from '../format/blob.js';
import { decodeBundle } from '../format/bundle.js';
import type { BlobId, PackId } from '../format/ids.js';
import type { BlobEngine } from '../repository/blob-engine.js';
import { packName } from '../repository/object-names.js';
import type { Repository } from '../repository/open.js';
import { checkPack, type VerifiedFooter } from '../repository/pack-reader.js';
import { problemOf, type VerifyOptions, type VerifyProblem } from './result.js';

/** What is known of a blob whose bytes verify. */
export interface GoodBlob {
  /** Frame length in bytes. */
  readonly length: number;
  readonly kind: number;
  readonly isStandIn: boolean;
  /** With secrets: SHA-256 and length of each piece (§10.5), and the plaintext's length. */
  readonly opened?: {
    readonly pieces: readonly Uint8Array[];
    readonly lengths: readonly number[];
    readonly plaintextLength: number;
  };
}

/** The blobs of all packs. */
export interface PackFindings {
  readonly good: ReadonlyMap<BlobId, GoodBlob>;
  /** Blobs with bytes that do not verify, and none that do. */
  readonly bad: ReadonlyMap<BlobId, VerifyProblem>;
  /** The pack of each blob, good or bad. */
  readonly packOf: ReadonlyMap<BlobId, PackId>;
  readonly problems: readonly VerifyProblem[];
  readonly blobs: number;
  readonly bytes: number;
}

/**
 * Checks packs.
 *
 * @param decrypt - opens every blob as well; the engine must have secrets.
 */
export async function checkPacks(
  repository: Repository,
  packs: ReadonlyMap<PackId, number>,
  options: VerifyOptions & { readonly decrypt: 'yes' | 'no' },
): Promise<PackFindings> {
  const good = new Map<BlobId, GoodBlob>();
  const bad = new Map<BlobId, VerifyProblem>();
  const packOf = new Map<BlobId, PackId>();
  const problems: VerifyProblem[] = [];
  const total = [...packs.values()].reduce((sum, size) => sum + size, 0);
  let blobs = 0;
  let bytes = 0;

  const work = packs[Symbol.iterator]();
  const checkNext = async (): Promise<void> => {
    for (let next = work.next(); next.done !== true; next = work.next()) {
      if (options.signal?.aborted === true) throw interrupted();
      const [id, size] = next.value;
      await checkOne(id, size);
      bytes += size;
      options.onProgress?.({ bytesDone: bytes, bytesTotal: total });
    }
  };

  const checkOne = async (id: PackId, size: number): Promise<void> => {
    const object = packName(id);
    try {
      const checked = await checkPack(repository, options.engine, { id, size });
      blobs += checked.footer.blobs.length;
      for (const { blob, error } of checked.damaged) bad.set(blob.id, problemOf(error, { object }));
      const opened =
        options.decrypt === 'yes' ? await openAll(repository, options.engine, { id, ...checked }) : undefined;
      for (const [i, { id: blob, length, kind, as }] of checked.footer.blobs.entries()) {
        packOf.set(blob, id);
        if (checked.damaged.some((damaged) => damaged.blob.id === blob)) continue;
        const result = opened?.[i];
        if (result instanceof NbakError) {
          bad.set(blob, problemOf(result, { object }));
          continue;
        }
        good.set(blob, { length, kind, isStandIn: as !== undefined, ...(result && { opened: result }) });
      }
    } catch (error) {
      if (!isNbakError(error) || error.code === 'INTERNAL') throw error;
      problems.push(problemOf(error, { object }));
    }
  };

  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, checkNext));
  for (const id of good.keys()) bad.delete(id);
  return { good, bad, packOf, problems, blobs, bytes };
}

type Opened = NonNullable<GoodBlob['opened']>;

async function openAll(
  repository: Repository,
  engine: BlobEngine,
  pack: VerifiedFooter & { readonly id: PackId },
): Promise<readonly (Opened | NbakError)[]> {
  const bytes = await repository.storage.get(packName(pack.id), { offset: 0, length: pack.size });
  let offset = 0;
  const frames = pack.footer.blobs.map(({ id, length, as }) => {
    const frame = { offset, length, expected: as ?? id, dedup: pack.footer.dedup };
    offset += length;
    return frame;
  });
  const results = await engine.open(bytes, frames);
  return results.map((result, i) => {
    if (!('error' in result)) {
      const { pieces, plaintext, kind } = result;
      const isBundle = kind === BLOB_KINDS.bundle;
      const lengths = isBundle ? decodeBundle(plaintext).map(({ length }) => length) : [plaintext.length];
      return { pieces, lengths, plaintextLength: plaintext.length };
    }
    const { code, message } = result.error;
    return new NbakError(code, `${packName(pack.id)}: blob ${pack.footer.blobs[i]?.id ?? ''}: ${message}`);
  });
}

function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'Interrupted: the repository was only read');
}
