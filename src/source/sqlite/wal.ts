/**
 * Reads write-ahead logs as SQLite's file format describes them (sqlite.org/fileformat2.html#walformat), for private
 * copies of databases that nobody has open: merged here, no file with content ever needs a name (DESIGN §6).
 */
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

const HEADER_SIZE = 32;
const FRAME_HEADER_SIZE = 24;
const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;
const FORMAT = 3_007_000;

/** What the end of a log says without reading all of it. */
export interface WalSummary {
  readonly salts: string;
  /** Frames from the first on that carry the header's salts. */
  readonly frames: number;
  /** The running checksum stored in the last of them, '' when there is none. */
  readonly checksum: string;
}

/**
 * Summarises an open log with some twenty small reads: frames of the current round are a prefix (a new round starts
 * at the front under new salts), so the last one is found by bisection; its checksum covers all before it.
 */
export function summarizeWal(descriptor: number): WalSummary {
  const header = readExactly(descriptor, 0, HEADER_SIZE);
  if (header === undefined) return { salts: '', frames: 0, checksum: '' };
  const salts = header.toString('hex', 16, 24);
  const frameSize = FRAME_HEADER_SIZE + header.readUInt32BE(8);
  const frameAt = (index: number): Buffer | undefined => {
    const frame = readExactly(descriptor, HEADER_SIZE + index * frameSize, FRAME_HEADER_SIZE);
    return frame?.toString('hex', 8, 16) === salts ? frame : undefined;
  };
  let low = 0;
  let high = Math.max(0, Math.floor((fstatSync(descriptor).size - HEADER_SIZE) / frameSize));
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (frameAt(middle) === undefined) high = middle;
    else low = middle + 1;
  }
  const last = low === 0 ? undefined : frameAt(low - 1);
  return { salts, frames: low, checksum: last?.toString('hex', 16, 24) ?? '' };
}

/**
 * Writes every committed page of the log `wal` into the database file `database` and gives it the length of the last
 * commit, as SQLite's checkpoint does. Frames after the last valid commit are ignored, as SQLite ignores them.
 *
 * @returns the number of frames that counted.
 */
export function mergeWal(wal: number, database: number): number {
  const header = readExactly(wal, 0, HEADER_SIZE);
  if (header === undefined) return 0;
  const log = checkHeader(header);
  if (log === undefined) return 0;
  const end = findLastCommit(wal, header, log);
  if (end === undefined) return 0;
  const page = Buffer.alloc(log.pageSize);
  for (let index = 0; index < end.frames; index += 1) {
    const offset = HEADER_SIZE + index * (FRAME_HEADER_SIZE + log.pageSize);
    const number = readExactly(wal, offset, 4)?.readUInt32BE(0) ?? 0;
    if (number > end.pages) continue;
    readInto(wal, page, offset + FRAME_HEADER_SIZE);
    writeSync(database, page, 0, page.length, (number - 1) * log.pageSize);
  }
  ftruncateSync(database, end.pages * log.pageSize);
  return end.frames;
}

interface Log {
  readonly pageSize: number;
  readonly bigEndian: boolean;
}

function checkHeader(header: Buffer): Log | undefined {
  const magic = header.readUInt32BE(0);
  const pageSize = header.readUInt32BE(8);
  if ((magic !== MAGIC_LITTLE && magic !== MAGIC_BIG) || header.readUInt32BE(4) !== FORMAT) return undefined;
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  const log: Log = { pageSize, bigEndian: magic === MAGIC_BIG };
  const sum: Checksum = [0, 0];
  addChecksum(sum, header, 24, log.bigEndian);
  return sum[0] === header.readUInt32BE(24) && sum[1] === header.readUInt32BE(28) ? log : undefined;
}

function findLastCommit(
  wal: number,
  header: Buffer,
  log: Log,
): { frames: number; pages: number } | undefined {
  const sum: Checksum = [header.readUInt32BE(24), header.readUInt32BE(28)];
  const frame = Buffer.alloc(FRAME_HEADER_SIZE + log.pageSize);
  let commit: { frames: number; pages: number } | undefined;
  for (let index = 0; readInto(wal, frame, HEADER_SIZE + index * frame.length); index += 1) {
    if (frame.compare(header, 16, 24, 8, 16) !== 0 || frame.readUInt32BE(0) === 0) break;
    addChecksum(sum, frame, 8, log.bigEndian);
    addChecksum(sum, frame.subarray(FRAME_HEADER_SIZE), log.pageSize, log.bigEndian);
    if (sum[0] !== frame.readUInt32BE(16) || sum[1] !== frame.readUInt32BE(20)) break;
    const pages = frame.readUInt32BE(4);
    if (pages !== 0) commit = { frames: index + 1, pages };
  }
  return commit;
}

type Checksum = [number, number];

function addChecksum(sum: Checksum, bytes: Buffer, length: number, bigEndian: boolean): void {
  let [a, b] = sum;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  for (let offset = 0; offset < length; offset += 8) {
    a = (a + view.getUint32(offset, !bigEndian) + b) >>> 0;
    b = (b + view.getUint32(offset + 4, !bigEndian) + a) >>> 0;
  }
  sum[0] = a;
  sum[1] = b;
}

function readExactly(descriptor: number, offset: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  return readInto(descriptor, bytes, offset) ? bytes : undefined;
}

function readInto(descriptor: number, bytes: Buffer, offset: number): boolean {
  return readSync(descriptor, bytes, 0, bytes.length, offset) === bytes.length;
}
