/** The data of a file as one stream, holes as the zeros that they read as. */

import type { BlobReader } from './blob-reader.js';
import type { BackedUpEntry } from './entries.js';
import { readData, type DigestKeys } from './file-data.js';

const ZEROS = new Uint8Array(64 * 1024);

/**
 * Streams a file's bytes from its first to its last. Only where it ends without an error is the whole right.
 *
 * @throws NbakError as {@link readData} does.
 */
export async function* readContiguously(
  file: BackedUpEntry,
  blobs: BlobReader,
  keys: DigestKeys,
): AsyncGenerator<Uint8Array, void, void> {
  let position = 0;
  for await (const { offset, bytes } of readData(file, blobs, keys)) {
    yield* zeros(offset - position);
    yield bytes;
    position = offset + bytes.length;
  }
  yield* zeros(file.entry.size - position);
}

function* zeros(length: number): Generator<Uint8Array, void, void> {
  for (let left = length; left > 0; left -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}
