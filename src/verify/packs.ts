/** Every pack, every byte (§20.1 step 3), and with secrets every blob opened (§20.3). */

import { isNbakError, NbakError } from '../errors.js';
import type { BlobId, PackId } from '../format/ids.js';
import { packName } from '../repository/object-names.js';
import type { Repository } from '../repository/open.js';
import type { FrameChecker, OpenedFacts } from '../repository/pack-check.js';
import { readFooter, type FooterVerifier } from '../repository/pack-reader.js';
import { PackQueue, type QueuedPack } from './pack-queue.js';
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

/**
 * Checks packs: on threads, and in this one when it has nothing else to do.
 *
 * @param options.footers - verifies their footers.
 * @param options.untilIdle - settles when this thread has nothing else to do.
 */
export async function checkPacks(
  repository: Repository,
  packs: ReadonlyMap<PackId, number>,
  options: Pick<VerifyOptions, 'packs' | 'signal' | 'onProgress'> & {
    readonly footers: FooterVerifier;
    readonly untilIdle: Promise<unknown>;
  },
): Promise<PackFindings> {
  const good = new Map<BlobId, GoodBlob>();
  const bad = new Map<BlobId, VerifyProblem>();
  const packOf = new Map<BlobId, PackId>();
  const problems: VerifyProblem[] = [];
  const total = [...packs.values()].reduce((sum, size) => sum + size, 0);
  let blobs = 0;
  let bytes = 0;

  const queue = new PackQueue(packs, (pack) => readFooter(repository, pack, options.footers));
  const checkOn = async (checker: FrameChecker): Promise<void> => {
    for (let pack = queue.take(); pack !== undefined; pack = queue.take()) {
      if (options.signal?.aborted === true) throw interrupted();
      await checkOne(checker, pack);
      bytes += pack.size;
      options.onProgress?.({ bytesDone: bytes, bytesTotal: total });
    }
  };

  const checkOne = async (checker: FrameChecker, { id, footer: reading }: QueuedPack): Promise<void> => {
    const object = packName(id);
    try {
      const { footer } = await reading;
      const checked = await checker.check(repository.storage, { name: object, footer });
      blobs += footer.blobs.length;
      const damaged = new Map(checked.damaged.map(({ index, error }) => [index, error]));
      for (const [i, { id: blob, length, kind, as }] of footer.blobs.entries()) {
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

  const { packs: threads, untilIdle } = options;
  try {
    await Promise.all([
      ...Array.from({ length: threads.width }, () => checkOn(threads)),
      untilIdle.then(() => checkOn(threads.here)),
    ]);
  } finally {
    queue.end();
  }
  for (const id of good.keys()) bad.delete(id);
  return { good, bad, packOf, problems, blobs, bytes };
}

function interrupted(): NbakError {
  return new NbakError('INTERRUPTED', 'Interrupted: the repository was only read');
}
