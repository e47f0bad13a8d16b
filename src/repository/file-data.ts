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
import { FileLayout } from './file-layout.js';

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
  const assembly = new Assembly(file);
  for (const group of groups(file.pieces)) {
    const opened = new Map<BlobId, ReadBlob>();
    for await (const { id, blob } of blobs.readAll(distinctIds(group))) opened.set(id, blob);
    for (const piece of group) yield* assembly.place(piece, opened.get(piece.blob.id));
  }
  assembly.finish(keys);
}

/**
 * Says whether a file's pieces have the hashes that its signed entry was made with (§3.7).
 *
 * @param hashes - of the pieces in order, one by one or joined.
 */
export function hasDigest(
  { entry, dedup }: BackedUpEntry,
  hashes: readonly Uint8Array[],
  { crypto, digestKeys }: DigestKeys,
): boolean {
  const digestKey = digestKeys.get(dedup);
  if (digestKey === undefined) return false;
  const digest = contentDigest({ crypto, digestKey }, entry.path, contentHash(crypto, hashes));
  return equalBytes(digest, entry.digest);
}

/** The ids of pieces, each once, in order. */
function distinctIds(pieces: readonly BackedUpPiece[]): readonly BlobId[] {
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

/** Lays out a file's pieces, and collects what its hash is made of. */
class Assembly {
  readonly #file: BackedUpEntry;
  readonly #layout: FileLayout;
  readonly #hashes: Uint8Array[] = [];

  constructor(file: BackedUpEntry) {
    this.#file = file;
    this.#layout = new FileLayout(file.entry);
  }

  *place(piece: BackedUpPiece, blob: ReadBlob | undefined): Generator<DataRun> {
    const { bytes, hash } = this.#pieceOf(piece, blob);
    this.#hashes.push(hash);
    for (const { offset, start, end } of this.#layout.place(bytes.length))
      yield { offset, bytes: bytes.subarray(start, end) };
  }

  finish(keys: DigestKeys): void {
    const { entry } = this.#file;
    const size = this.#layout.finish();
    if (size === entry.size && hasDigest(this.#file, this.#hashes, keys)) return;
    throw new NbakError('CONTENT_TAMPERED', "A file's content is not what its signed entry says", {
      details: { clause: '§3.7', size: entry.size, found: size },
    });
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
