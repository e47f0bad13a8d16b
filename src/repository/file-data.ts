/** The data of files: blobs opened, pieces laid out, the digest compared. Implements §10.5 and §22.3. */

import type { CryptoProvider } from '../crypto/provider.js';
import { NbakError } from '../errors.js';
import { BLOB_KINDS } from '../format/blob.js';
import { decodeBundle } from '../format/bundle.js';
import { equalBytes } from '../format/bytes.js';
import type { BlobId } from '../format/ids.js';
import { contentDigest, contentHash } from './content-digest.js';
import type { BlobReader, ReadBlob } from './blob-reader.js';
import type { BackedUpEntry, BackedUpPiece } from './entries.js';

/** Blobs opened at once for one file; bounds memory. */
const GROUP_BYTES = 8 * 1024 * 1024;

/** Keys for digests by the number of their dedup secret. */
export interface DigestKeys {
  readonly crypto: CryptoProvider;
  readonly digestKeys: ReadonlyMap<number, Uint8Array>;
}

/** A run of a file's bytes at its place. */
export interface DataRun {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Says whether a file's data fits in memory together with others'. */
export function isSmall({ entry }: BackedUpEntry): boolean {
  return entry.size <= GROUP_BYTES;
}

/**
 * Streams a file's data in order, and at its end compares size and digest.
 *
 * @throws NbakError `CONTENT_TAMPERED` after the last run; `OBJECT_MISSING`, `OBJECT_CORRUPT`, `BLOB_TAMPERED` …
 */
export async function* readData(
  file: BackedUpEntry,
  blobs: BlobReader,
  keys: DigestKeys,
): AsyncGenerator<DataRun> {
  const layout = new Layout(file);
  for (const group of groups(file.pieces)) {
    const opened = new Map<BlobId, ReadBlob>();
    for await (const { id, blob } of blobs.readAll(distinctIds(group))) opened.set(id, blob);
    for (const piece of group) yield* layout.place(piece, opened.get(piece.blob.id));
  }
  layout.finish(keys);
}

/** The data of a small file from blobs that were opened for several files together. */
export function assembleData(
  file: BackedUpEntry,
  opened: ReadonlyMap<BlobId, ReadBlob>,
  keys: DigestKeys,
): readonly DataRun[] {
  const layout = new Layout(file);
  const runs = file.pieces.flatMap((piece) => [...layout.place(piece, opened.get(piece.blob.id))]);
  layout.finish(keys);
  return runs;
}

/** The ids of pieces, each once, in order. */
export function distinctIds(pieces: readonly BackedUpPiece[]): readonly BlobId[] {
  return [...new Set(pieces.map(({ blob }) => blob.id))];
}

function* groups(pieces: readonly BackedUpPiece[]): Generator<readonly BackedUpPiece[]> {
  let group: BackedUpPiece[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    group.push(piece);
    bytes += piece.blob.plaintextLength;
    if (bytes < GROUP_BYTES) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/** Walks a file's pieces and holes, and collects what its hash is made of. */
class Layout {
  readonly #file: BackedUpEntry;
  readonly #hashes: Uint8Array[] = [];
  readonly #holes: (readonly [number, number])[];
  #offset = 0;

  constructor(file: BackedUpEntry) {
    this.#file = file;
    this.#holes = [...(file.entry.extra.holes ?? [])];
  }

  *place(piece: BackedUpPiece, blob: ReadBlob | undefined): Generator<DataRun> {
    const { bytes, hash } = this.#pieceOf(piece, blob);
    this.#hashes.push(hash);
    let start = 0;
    while (start < bytes.length) {
      this.#skipHole();
      const hole = this.#holes[0];
      const end = hole === undefined ? bytes.length : Math.min(bytes.length, start + hole[0] - this.#offset);
      yield { offset: this.#offset, bytes: bytes.subarray(start, end) };
      this.#offset += end - start;
      start = end;
    }
  }

  finish({ crypto, digestKeys }: DigestKeys): void {
    this.#skipHole();
    const { entry, dedup } = this.#file;
    const digestKey = digestKeys.get(dedup);
    const hash = contentHash(crypto, this.#hashes);
    const digest = digestKey && contentDigest({ crypto, digestKey }, entry.path, hash);
    if (this.#offset === entry.size && digest !== undefined && equalBytes(digest, entry.digest)) return;
    throw new NbakError('CONTENT_TAMPERED', "A file's content is not what its signed entry says", {
      details: { clause: '§3.7', size: entry.size, found: this.#offset },
    });
  }

  #skipHole(): void {
    const hole = this.#holes[0];
    if (hole?.[0] !== this.#offset) return;
    this.#offset += hole[1];
    this.#holes.shift();
  }

  #pieceOf(
    piece: BackedUpPiece,
    blob: ReadBlob | undefined,
  ): { readonly bytes: Uint8Array; readonly hash: Uint8Array } {
    const wrong = (why: string): NbakError =>
      new NbakError('REFERENCE_TAMPERED', `A file refers to blob ${piece.blob.id} wrongly: ${why}`, {
        details: { blob: piece.blob.id, clause: '§10.5' },
      });
    if (blob === undefined) throw wrong('it was not read');
    if (blob.plaintext.length !== piece.blob.plaintextLength) throw wrong('its length differs');
    const isBundle = blob.kind === BLOB_KINDS.bundle;
    if (isBundle !== (piece.slice !== undefined)) throw wrong('slices are of bundles, and of nothing else');
    if (!isBundle && blob.kind !== BLOB_KINDS.data && blob.kind !== BLOB_KINDS.appKey)
      throw wrong('it holds no file');
    const bytes = piece.slice === undefined ? blob.plaintext : decodeBundle(blob.plaintext)[piece.slice];
    const hash = blob.pieces[piece.slice ?? 0];
    if (bytes === undefined || hash === undefined) throw wrong('the bundle has no such slice');
    return { bytes, hash };
  }
}
