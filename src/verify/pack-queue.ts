/** Packs in the order in which they are checked; the footers of those that come next are read already. */

import type { PackId } from '../format/ids.js';
import type { ListedPack, VerifiedFooter } from '../repository/pack-reader.js';

/** A pack whose turn it is. */
export interface QueuedPack extends ListedPack {
  /** Rejects where the pack as a whole cannot be trusted. */
  readonly footer: Promise<VerifiedFooter>;
}

/** None waits for its footer, however far away the storage is. */
const FOOTERS_AHEAD = 8;

/** Gives packs to those that check them. */
export class PackQueue {
  readonly #packs: Iterator<ListedPack, undefined>;
  readonly #readFooter: (pack: ListedPack) => Promise<VerifiedFooter>;
  readonly #ahead: QueuedPack[] = [];
  #isEnded = false;

  constructor(packs: ReadonlyMap<PackId, number>, readFooter: (pack: ListedPack) => Promise<VerifiedFooter>) {
    // The largest first, so that all threads end at nearly the same moment.
    const sorted = [...packs].map(([id, size]) => ({ id, size })).sort((a, b) => b.size - a.size);
    this.#packs = sorted.values();
    this.#readFooter = readFooter;
  }

  /** The next pack, undefined when there is none. */
  take(): QueuedPack | undefined {
    if (this.#isEnded) return undefined;
    while (this.#ahead.length < FOOTERS_AHEAD) {
      const pack = this.#packs.next().value;
      if (pack === undefined) break;
      const footer = this.#readFooter(pack);
      // Whoever takes the pack is told.
      footer.catch(() => undefined);
      this.#ahead.push({ ...pack, footer });
    }
    return this.#ahead.shift();
  }

  /** Gives out nothing more: after a failure nobody waits for what is left. */
  end(): void {
    this.#isEnded = true;
  }
}
