/** What became of files that a thread read, as it is sent: a few arrays, for objects cost more to send than the files to read. */

import type { Timestamp } from '../../format/entry.js';
import type { Xattrs } from '../../source/xattrs.js';

/** What became of a file that a thread opened by itself. */
export type ReadFile =
  | { readonly state: 'gone' }
  | { readonly state: 'unreadable'; readonly message: string }
  /** It is too long by now for the unit it was in, or has holes, which only large files are read around. */
  | { readonly state: 'outgrown' }
  | {
      readonly state: 'read';
      readonly size: number;
      /** Keyed digest of its content (§3.7). */
      readonly digest: Uint8Array;
      /** It changed each time it was read. */
      readonly torn: boolean;
      /** Bytes of a torn last line that were left behind. */
      readonly dropped: number;
      /** Index of its chunk in the unit; −1 for an empty file. */
      readonly chunk: number;
      /** Its place in a bundle; −1 where it has a chunk of its own. */
      readonly slice: number;
      /** As of the descriptor that was read. */
      readonly mtime: Timestamp;
      readonly ctime: Timestamp;
      readonly xattrs: Xattrs;
    };

/** Files as they cross threads. */
export interface SentFiles {
  /** {@link FIELDS} of each. */
  readonly numbers: Float64Array;
  /** 32 bytes of each. */
  readonly digests: Uint8Array;
  /** Of the few that have any, by their place. */
  readonly xattrs: ReadonlyMap<number, Xattrs>;
  /** Why a file could not be read, by its place. */
  readonly messages: ReadonlyMap<number, string>;
}

const STATES = ['gone', 'unreadable', 'outgrown', 'read'] as const;
/** State, size, torn, dropped, chunk, slice, mtime and ctime. */
const FIELDS = 10;
const DIGEST_BYTES = 32;
const NO_XATTRS: Xattrs = [];

/** Makes files ready to be sent. */
export function packFiles(files: readonly ReadFile[]): SentFiles {
  const numbers = new Float64Array(FIELDS * files.length);
  const digests = new Uint8Array(DIGEST_BYTES * files.length);
  const xattrs = new Map<number, Xattrs>();
  const messages = new Map<number, string>();
  files.forEach((file, i) => {
    const at = FIELDS * i;
    numbers[at] = STATES.indexOf(file.state);
    if (file.state === 'unreadable') messages.set(i, file.message);
    if (file.state !== 'read') return;
    numbers[at + 1] = file.size;
    numbers[at + 2] = file.torn ? 1 : 0;
    numbers[at + 3] = file.dropped;
    numbers[at + 4] = file.chunk;
    numbers[at + 5] = file.slice;
    numbers[at + 6] = file.mtime.seconds;
    numbers[at + 7] = file.mtime.nanoseconds;
    numbers[at + 8] = file.ctime.seconds;
    numbers[at + 9] = file.ctime.nanoseconds;
    digests.set(file.digest, DIGEST_BYTES * i);
    if (file.xattrs.length > 0) xattrs.set(i, file.xattrs);
  });
  return { numbers, digests, xattrs, messages };
}

/**
 * One of the files that were sent.
 *
 * @throws RangeError where there is none.
 */
export function unpackFile({ numbers, digests, xattrs, messages }: SentFiles, index: number): ReadFile {
  const at = FIELDS * index;
  const number = (field: number): number => numbers[at + field] ?? 0;
  const state = at < numbers.length ? STATES[number(0)] : undefined;
  switch (state) {
    case undefined:
      throw new RangeError(`there is no file ${index} in what was sent`);
    case 'unreadable':
      return { state, message: messages.get(index) ?? '' };
    case 'gone':
    case 'outgrown':
      return { state };
    case 'read':
      return {
        state,
        size: number(1),
        torn: number(2) === 1,
        dropped: number(3),
        chunk: number(4),
        slice: number(5),
        mtime: { seconds: number(6), nanoseconds: number(7) },
        ctime: { seconds: number(8), nanoseconds: number(9) },
        digest: digests.subarray(DIGEST_BYTES * index, DIGEST_BYTES * (index + 1)),
        xattrs: xattrs.get(index) ?? NO_XATTRS,
      };
  }
}
