/** Where a sparse file has data, and where nothing was ever written (§10.4 key 5). */

import { systemCalls } from './system-calls.js';

/** A run of bytes of a file. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** Offset and length of each hole, ascending and apart. */
export type Holes = readonly (readonly [offset: number, length: number])[];

/** As in `lseek(2)`. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** What `st_blocks` counts. */
const BLOCK_BYTES = 512;
/** What a page has room for (§15): of files with more, only the longer ones count, and the others are zeros. */
const MOST_HOLES = 4096;
const LEAST_HOLE_BYTES = 4096;

/** What of an open file says where its holes may be. */
export interface MaybeSparse {
  readonly descriptor: number;
  readonly size: number;
  /** Units of 512 bytes that it takes on the disk. */
  readonly blocks: number;
}

/** Says whether an open file has a hole; only where it takes less room than it could is the system asked. */
export function isSparse({ descriptor, size, blocks }: MaybeSparse): boolean {
  if (blocks * BLOCK_BYTES >= size) return false;
  const first = seek(descriptor, 0, SEEK_HOLE);
  return first !== undefined && first < size;
}

/**
 * Finds a file's holes, which moves its position.
 *
 * @returns none where the file takes all the room it could, or where this system does not tell.
 */
export function findHoles(file: MaybeSparse): Holes {
  if (!isSparse(file)) return [];
  const { descriptor, size } = file;
  let holes: [number, number][] = [];
  let least = LEAST_HOLE_BYTES;
  for (let at = 0; at < size;) {
    const start = seek(descriptor, at, SEEK_HOLE) ?? size;
    if (start >= size) break;
    // No data behind it: the hole goes to the end.
    const end = Math.min(seek(descriptor, start, SEEK_DATA) ?? size, size);
    if (end - start >= least) holes.push([start, end - start]);
    while (holes.length > MOST_HOLES) {
      least *= 2;
      holes = holes.filter(([, length]) => length >= least);
    }
    at = end;
  }
  return holes;
}

/** What is left of a file of `size` bytes between its holes. */
export function dataBetween(holes: Holes, size: number): readonly Extent[] {
  const extents: Extent[] = [];
  let offset = 0;
  for (const [start, length] of [...holes, [size, 0] as const]) {
    if (start > offset) extents.push({ offset, length: start - offset });
    offset = start + length;
  }
  return extents;
}

/** Bytes in extents. */
export function bytesOf(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0);
}

/** Bytes in holes. */
export function holeBytes(holes: Holes | undefined): number {
  return (holes ?? []).reduce((sum, [, length]) => sum + length, 0);
}

/** @returns undefined at the end of the file, and where the system cannot tell. */
function seek(descriptor: number, offset: number, whence: number): number | undefined {
  try {
    return systemCalls()?.('lseek', descriptor, offset, whence);
  } catch (error) {
    // ENXIO: nothing of the kind behind it.
    if (['ENXIO', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}
