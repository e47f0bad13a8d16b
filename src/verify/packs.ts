/** Every pack, every byte (§20.1 step 3), and with secrets every blob opened (§20.3). */

import { isNbakError, NbakError } from '../errors.js';
import type { BlobId, PackId } from '../format/ids.js';
import { packName } from '../repository/object-names.js';
import type { Repository } from '../repository/open.js';
import type { OpenedFacts } from '../repository/pack-check.js';
import { checkPack, type FooterVerifier } from '../repository/pack-reader.js';
import { problemOf, type VerifyOptions, type VerifyProblem } from './result.js';

/** What is known of a blob whose bytes verify. */
export interface GoodBlob {
  /** Frame length in bytes. */
  readonly length: number;
  readonly kind: number;
  readonly isStandIn: boolean;
  /** With secrets. */
  readonly opened?: OpenedFacts;
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

/** The next footer is read and its signature verified while a thread is still at the frames before it. */
const PACKS_PER_THREAD = 2;

/**
 * Checks packs.
 *
 * @param footers - verifies their footers.
 */
export async function checkPacks(
  repository: Repository,
  packs: ReadonlyMap<PackId, number>,
  options: Pick<VerifyOptions, 'packs' | 'signal' | 'onProgress'> & { readonly footers: FooterVerifier },
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
      const checked = await checkPack(repository, options.packs, { id, size }, options.footers);
      blobs += checked.footer.blobs.length;
      const damaged = new Map(checked.damaged.map(({ index, error }) => [index, error]));
      for (const [i, { id: blob, length, kind, as }] of checked.footer.blobs.entries()) {
        packOf.set(blob, id);
        const error = damaged.get(i);
        const opened = checked.opened?.[i];
        if (error !== undefined) bad.set(blob, problemOf(error, { object }));
        else good.set(blob, { length, kind, isStandIn: as !== undefined, ...(opened && { opened }) });
      }
    } catch (error) {
      if (!isNbakError(error) || error.code === 'INTERNAL') throw error;
      problems.push(problemOf(error, { object }));
    }
  };

  await Promise.all(Array.from({ length: options.packs.width * PACKS_PER_THREAD }, checkNext));
  for (const id of good.keys()) bad.delete(id);
  return { good, bad, packOf, problems, blobs, bytes };
}

function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'Interrupted: the repository was only read');
}
