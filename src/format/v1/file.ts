/** The head of an encrypted file of NBAK version 1, as nodyn and lynox write it (§31.1). */

import { NbakError } from '../../errors.js';
import { concatBytes, equalBytes, utf8 } from '../bytes.js';

const MAGIC = utf8('NBAK');
const VERSION = 1;
const IV_START = 5;
const TAG_START = 17;

/** Bytes before the ciphertext; a file is as much longer than its plaintext. */
export const V1_HEAD_BYTES = 33;

/** What a file needs besides the key. */
export interface V1Head {
  /** 12 random bytes. */
  readonly iv: Uint8Array;
  /** 16 bytes, GCM's authentication tag of the whole file. */
  readonly tag: Uint8Array;
}

/** Says whether a file that begins with `start` is meant to be an NBAK file. */
export function hasV1Magic(start: Uint8Array): boolean {
  return equalBytes(start.subarray(0, MAGIC.length), MAGIC);
}

/**
 * Reads the head from the first {@link V1_HEAD_BYTES} bytes of a file; what follows them is ciphertext.
 *
 * @throws NbakError `FORMAT_INVALID` when it is too short or another kind of file, `FORMAT_NEWER` for another version.
 */
export function decodeV1Head(start: Uint8Array): V1Head {
  if (start.length < V1_HEAD_BYTES) throw invalid(`it has ${start.length} bytes, at least 33 are needed`);
  if (!hasV1Magic(start)) throw invalid('it does not begin with NBAK');
  if (start[MAGIC.length] !== VERSION) {
    throw new NbakError(
      'FORMAT_NEWER',
      `Cannot read a file of NBAK version ${start[MAGIC.length] ?? '?'} here`,
      {
        details: { clause: '§31.1' },
        hint: 'Files of a backup of version 1 are of version 1.',
      },
    );
  }
  return { iv: start.slice(IV_START, TAG_START), tag: start.slice(TAG_START, V1_HEAD_BYTES) };
}

/**
 * The head of a file.
 *
 * @throws RangeError unless the IV has 12 bytes and the tag 16.
 */
export function encodeV1Head({ iv, tag }: V1Head): Uint8Array {
  if (iv.length !== TAG_START - IV_START || tag.length !== V1_HEAD_BYTES - TAG_START)
    throw new RangeError(`expected an IV of 12 bytes and a tag of 16, got ${iv.length} and ${tag.length}`);
  return concatBytes(MAGIC, Uint8Array.of(VERSION), iv, tag);
}

function invalid(why: string): NbakError {
  return new NbakError('FORMAT_INVALID', `Cannot read an encrypted file of version 1: ${why}`, {
    details: { clause: '§31.1' },
  });
}
