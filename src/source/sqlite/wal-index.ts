/**
 * In the capture process: the header of a log's index (`-shm`), read beside SQLite, which does not say what a pin
 * pinned. Its layout is fixed (sqlite.org/walformat.html#wal_index_format); numbers are in the machine's byte order.
 */
import { constants, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { fromLatin1, sidecarPath } from './header.js';
import type { LogState } from './wal.js';

const HEADER_SIZE = 48;
const VERSION = 3_007_000;
/** Two copies of the header; then the number of frames copied into the database, and further on of those attempted. */
const READ_SIZE = 132;
const BACKFILLED = 96;
const ATTEMPTED = 128;
const IS_BIG_ENDIAN = endianness() === 'BE';
const MOST_TRIES = 4;

/** What the index says at one moment. */
export interface IndexState extends LogState {
  /** Equal exactly where nothing was committed, begun anew or recovered in between. */
  readonly header: string;
  /** So many of the frames are in the database file. */
  readonly backfilled: number;
  /** So many may be; the others surely are not. */
  readonly attempted: number;
}

/** An open index. */
export class WalIndex {
  readonly #descriptor: number;
  readonly #first = Buffer.alloc(READ_SIZE);
  readonly #second = Buffer.alloc(READ_SIZE);

  /**
   * Opens the index of the database at `path` (latin1), for writing, although it never writes: where that is refused,
   * SQLite may be keeping an index of its own instead. It stays open until the process ends, because closing it would
   * drop the locks that SQLite holds on it.
   *
   * @returns undefined where it cannot be opened.
   */
  static open(path: string): WalIndex | undefined {
    try {
      return new WalIndex(
        openSync(sidecarPath(fromLatin1(path), '-shm'), constants.O_RDWR | constants.O_NOFOLLOW),
      );
    } catch {
      return undefined;
    }
  }

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * Reads it twice, so that no half-written number counts, and so that the header is still the same after the number
   * of frames that were copied was read.
   *
   * @returns undefined when it will not hold still or is not valid.
   */
  read(): IndexState | undefined {
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      if (this.#fill(this.#first) && this.#fill(this.#second) && this.#first.equals(this.#second))
        return decode(this.#second);
    }
    return undefined;
  }

  #fill(buffer: Buffer): boolean {
    const isWhole = readSync(this.#descriptor, buffer, 0, READ_SIZE, 0) === READ_SIZE;
    // Readers' marks come and go and mean nothing here.
    buffer.fill(0, BACKFILLED + 4, ATTEMPTED);
    return isWhole;
  }
}

function decode(bytes: Buffer): IndexState | undefined {
  const header = bytes.subarray(0, HEADER_SIZE);
  if (header.compare(bytes, HEADER_SIZE, 2 * HEADER_SIZE) !== 0) return undefined;
  if (uint32(header, 0) !== VERSION || header[12] !== 1 || !hasChecksum(header)) return undefined;
  const frameChecksum = Buffer.alloc(8);
  frameChecksum.writeUInt32BE(uint32(header, 24), 0);
  frameChecksum.writeUInt32BE(uint32(header, 28), 4);
  return {
    header: header.toString('latin1'),
    salts: header.toString('hex', 32, 40),
    frames: uint32(header, 16),
    checksum: frameChecksum.toString('hex'),
    backfilled: uint32(bytes, BACKFILLED),
    attempted: uint32(bytes, ATTEMPTED),
  };
}

function hasChecksum(header: Buffer): boolean {
  let [a, b] = [0, 0];
  for (let offset = 0; offset < HEADER_SIZE - 8; offset += 8) {
    a = (a + uint32(header, offset) + b) >>> 0;
    b = (b + uint32(header, offset + 4) + a) >>> 0;
  }
  return a === uint32(header, 40) && b === uint32(header, 44);
}

function uint32(bytes: Buffer, offset: number): number {
  return IS_BIG_ENDIAN ? bytes.readUInt32BE(offset) : bytes.readUInt32LE(offset);
}
