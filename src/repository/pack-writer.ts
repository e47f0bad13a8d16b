/** Writing sealed blobs into packs, each committed with its signed footer. Implements §8.1 and the packs of §17.2. */

import { SIGNED_TYPES } from '../format/cose.js';
import { toHex } from '../format/bytes.js';
import { idFromBytes, type BlobId, type PackId } from '../format/ids.js';
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

/** A blob to write. */
export interface BlobToWrite {
  readonly id: BlobId;
  readonly tag: string;
  readonly kind: FooterBlob['kind'];
  readonly frame: Uint8Array;
}

/** Collects blobs of one session into packs. Calls must not overlap; who calls awaits each. */
export class PackWriter {
  readonly #repository: UnlockedRepository;
  readonly #session: Uint8Array;
  readonly #onPack: (pack: WrittenPack) => void;
  #writer: ObjectWriter | undefined;
  #blobs: FooterBlob[] = [];
  #ids = new Set<BlobId>();
  #bytes = 0;
  #adding: Promise<void> = Promise.resolve();
  #aborted = false;
  /** Bytes of all packs committed so far, footers included. */
  written = 0;

  constructor(repository: UnlockedRepository, session: Uint8Array, onPack: (pack: WrittenPack) => void) {
    this.#repository = repository;
    this.#session = session;
    this.#onPack = onPack;
  }

  /** Appends a blob; commits the pack when it is full. */
  add(blob: BlobToWrite): Promise<void> {
    // What was still on its way to a session that has ended must not begin another pack.
    if (this.#aborted) return Promise.resolve();
    this.#adding = this.#append(blob);
    return this.#adding;
  }

  async #append({ id, tag, kind, frame }: BlobToWrite): Promise<void> {
    if (this.#ids.has(id)) return;
    this.#writer ??= await this.#repository.storage.create();
    await this.#writer.write(frame);
    this.#ids.add(id);
    this.#blobs.push({ id, tag, kind, length: frame.length });
    this.#bytes += frame.length;
    if (this.#bytes >= TARGET_BYTES || this.#blobs.length >= TARGET_BLOBS) await this.flush();
  }

  /** Commits the open pack, if there is one. */
  async flush(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    const { crypto, id: repository, secrets } = this.#repository;
    const footer: Footer = {
      repository,
      epoch: secrets.epoch,
      session: this.#session,
      dedup: secrets.dedup.at(-1)?.number ?? 1,
      blobs: this.#blobs,
    };
    const signedFooter = secrets.backupSigner.sign(SIGNED_TYPES.footer, encodeFooter(footer));
    const id = idFromBytes<PackId>(crypto.sha256(signedFooter));
    await writer.write(encodePackEnd(signedFooter));
    await writer.commit(packName(id));
    this.#writer = undefined;
    this.#blobs = [];
    this.#ids = new Set();
    this.#bytes = 0;
    const size = packSize(footer, signedFooter.length);
    this.written += size;
    this.#onPack({ id, size, footer, signedFooter });
  }

  /** Drops the open pack, once the blob on its way is in it, and takes no more. */
  async abort(): Promise<void> {
    this.#aborted = true;
    // Whoever added it is told of its failure.
    await this.#adding.catch(() => undefined);
    await this.#writer?.abort();
    this.#writer = undefined;
  }
}

/** The SHA-256 of a signed footer as hex: the pack's name. */
export function packIdOf(repository: Pick<UnlockedRepository, 'crypto'>, signedFooter: Uint8Array): PackId {
  return toHex(repository.crypto.sha256(signedFooter)) as PackId;
}
