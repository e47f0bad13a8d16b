/** Writing sealed blobs into packs, each committed with its signed footer. Implements §8.1 and the packs of §17.2. */

import { SIGNED_TYPES } from '../format/cose.js';
import { toHex } from '../format/bytes.js';
import { currentDedup } from '../format/epoch-record.js';
import { idFromBytes, type PackId } from '../format/ids.js';
import { encodeFooter, encodePackEnd, packSize, type Footer, type FooterBlob } from '../format/pack.js';
import type { ObjectWriter } from '../storage/storage.js';
import { packName } from './object-names.js';
import type { UnlockedRepository } from './open.js';

/** Packs are closed once they reach this size: large enough to cost few objects, small enough to be cheap to rewrite. */
const TARGET_BYTES = 16 * 1024 * 1024;

/** Chunks that compress to almost nothing would make a footer beyond §15 before they fill a pack. */
const TARGET_BLOBS = 16_384;

/** A pack that is in storage. */
export interface WrittenPack {
  readonly id: PackId;
  readonly size: number;
  readonly footer: Footer;
  /** The complete COSE_Sign1, as index objects hold it. */
  readonly signedFooter: Uint8Array;
}

/** Where blobs lie: those of a unit lie in one pack. */
export interface PackPlace {
  /** Undefined until the pack is committed. */
  pack: PackId | undefined;
}

/** Packs being committed at once: a commit waits for the disk, and the next pack need not. */
const MOST_COMMITS = 2;

/** A pack that takes blobs. */
interface OpenPack {
  readonly writer: ObjectWriter;
  readonly blobs: FooterBlob[];
  readonly places: PackPlace[];
  bytes: number;
}

/** Collects blobs of one session into packs. */
export class PackWriter {
  readonly #repository: UnlockedRepository;
  readonly #session: Uint8Array;
  readonly #onPack: (pack: WrittenPack) => void;
  #open: OpenPack | undefined;
  /** Calls of `add` follow each other here. */
  #adding: Promise<void> = Promise.resolve();
  readonly #committing = new Set<Promise<void>>();
  #aborted = false;
  /** Bytes of all packs committed so far, footers included. */
  written = 0;

  constructor(repository: UnlockedRepository, session: Uint8Array, onPack: (pack: WrittenPack) => void) {
    this.#repository = repository;
    this.#session = session;
    this.#onPack = onPack;
  }

  /**
   * Appends blobs whose frames lie back to back in `frames`, which is the caller's again once the promise resolves.
   * A full pack is committed on the way; that it failed is told to a later call.
   *
   * @param place - told of their pack.
   */
  add(frames: Uint8Array, blobs: readonly FooterBlob[], place: PackPlace): Promise<void> {
    const adding = this.#adding.then(() => this.#append(frames, blobs, place));
    this.#adding = adding.catch(() => undefined);
    return adding;
  }

  async #append(frames: Uint8Array, blobs: readonly FooterBlob[], place: PackPlace): Promise<void> {
    // What was still on its way to a session that has ended must not begin another pack.
    if (this.#aborted) return;
    this.#open ??= { writer: await this.#repository.storage.create(), blobs: [], places: [], bytes: 0 };
    const pack = this.#open;
    await pack.writer.write(frames);
    pack.blobs.push(...blobs);
    pack.places.push(place);
    pack.bytes += frames.length;
    if (pack.bytes >= TARGET_BYTES || pack.blobs.length >= TARGET_BLOBS) await this.#startCommit();
  }

  /** Commits the open pack, if there is one, and waits for all commits. */
  async flush(): Promise<void> {
    await this.#adding;
    await this.#startCommit();
    await Promise.all(this.#committing);
  }

  /** Drops the open pack, once the blobs on their way are in it, and takes no more. */
  async abort(): Promise<void> {
    this.#aborted = true;
    await this.#adding;
    // Whoever added them is told of a failure.
    await Promise.allSettled(this.#committing);
    await this.#open?.writer.abort();
    this.#open = undefined;
  }

  async #startCommit(): Promise<void> {
    if (this.#open === undefined) return;
    // A failed commit is met here: the pack stays open, and is dropped by `abort`.
    while (this.#committing.size >= MOST_COMMITS) await Promise.race(this.#committing);
    const pack = this.#open;
    this.#open = undefined;
    const commit = this.#commit(pack).then(() => void this.#committing.delete(commit));
    // A failed one stays, so that every later call meets it.
    commit.catch(() => undefined);
    this.#committing.add(commit);
  }

  async #commit({ writer, blobs, places }: OpenPack): Promise<void> {
    const { crypto, id: repository, secrets } = this.#repository;
    const footer: Footer = {
      repository,
      epoch: secrets.epoch,
      session: this.#session,
      dedup: currentDedup(secrets).number,
      blobs,
    };
    const signedFooter = secrets.backupSigner.sign(SIGNED_TYPES.footer, encodeFooter(footer));
    const id = idFromBytes<PackId>(crypto.sha256(signedFooter));
    try {
      await writer.write(encodePackEnd(signedFooter));
      await writer.commit(packName(id));
    } catch (error) {
      await writer.abort();
      throw error;
    }
    const size = packSize(footer, signedFooter.length);
    this.written += size;
    for (const place of places) place.pack = id;
    this.#onPack({ id, size, footer, signedFooter });
  }
}

/** The SHA-256 of a signed footer as hex: the pack's name. */
export function packIdOf(repository: Pick<UnlockedRepository, 'crypto'>, signedFooter: Uint8Array): PackId {
  return toHex(repository.crypto.sha256(signedFooter)) as PackId;
}
