/**
 * Reads write-ahead logs as SQLite's file format describes them (sqlite.org/fileformat2.html#walformat): to merge them
 * into private copies of databases that nobody has open, where no file with content ever needs a name (DESIGN §6), and
 * to read the pages of a pinned database where they lie.
 */
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import type { LogPages } from './image.js';

const HEADER_SIZE = 32;
const FRAME_HEADER_SIZE = 24;
const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;
const FORMAT = 3_007_000;
const READ_BYTES = 1024 * 1024;

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
  const log = openLog(wal);
  if (log === undefined) return 0;
  const end = findLastCommit(log);
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

/** A committed state of a log: which round of it, how far, and what the end of that must look like. */
export interface LogState {
  /** As they stand in the log, in hexadecimal: others whenever it is begun anew. */
  readonly salts: string;
  /** Frames from the first on to the end of a commit. */
  readonly frames: number;
  /** The running checksum in the last of them, in hexadecimal as it stands there. */
  readonly checksum: string;
}

/**
 * Finds where in the open log the pages of `state` lie, the newest bytes of each, after computing every checksum up
 * to there; the last one covers them all.
 *
 * @returns undefined when the log is not the one that `state` was taken of.
 */
export function locatePages(wal: number, state: LogState, pageSize: number): LogPages | undefined {
  const log = openLog(wal);
  if (log?.salts !== state.salts || log.pageSize !== pageSize) return undefined;
  const newest = new Map<number, number>();
  let checksum = '';
  walkFrames(log, (frame) => {
    newest.set(frame.page, frame.offset);
    if (frame.index < state.frames) return true;
    checksum = frame.checksum();
    return false;
  });
  if (checksum !== state.checksum) return undefined;
  const pages = Uint32Array.from(newest.keys()).sort();
  return {
    descriptor: wal,
    pageSize,
    pages,
    offsets: Float64Array.from(pages, (page) => newest.get(page) ?? 0),
  };
}

interface Log {
  readonly descriptor: number;
  readonly pageSize: number;
  readonly salts: string;
  readonly isBigEndian: boolean;
  readonly checksum: Checksum;
}

type Checksum = readonly [number, number];

/** A frame whose checksum is right. */
interface Frame {
  /** From 1. */
  readonly index: number;
  readonly page: number;
  /** Where in the log the page's bytes begin. */
  readonly offset: number;
  /** Pages of the database after a commit; 0 in frames that end none. */
  readonly commit: number;
  /** In hexadecimal. */
  checksum(): string;
}

function openLog(descriptor: number): Log | undefined {
  const header = readExactly(descriptor, 0, HEADER_SIZE);
  if (header === undefined) return undefined;
  const magic = header.readUInt32BE(0);
  const pageSize = header.readUInt32BE(8);
  if ((magic !== MAGIC_LITTLE && magic !== MAGIC_BIG) || header.readUInt32BE(4) !== FORMAT) return undefined;
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  const isBigEndian = magic === MAGIC_BIG;
  const checksum = addChecksum([0, 0], viewOf(header.subarray(0, 24)), isBigEndian);
  if (!isChecksumAt(checksum, header, 24)) return undefined;
  return { descriptor, pageSize, salts: header.toString('hex', 16, 24), isBigEndian, checksum };
}

/** Shows `visit` every frame from the first on until one is not valid or `visit` has seen enough. */
function walkFrames(log: Log, visit: (frame: Frame) => boolean): void {
  const frameSize = FRAME_HEADER_SIZE + log.pageSize;
  const buffer = Buffer.alloc(frameSize * Math.max(1, Math.floor(READ_BYTES / frameSize)));
  const salts = Buffer.from(log.salts, 'hex');
  let sum = log.checksum;
  for (let index = 1, start = HEADER_SIZE, begin = 0, end = 0; ; index += 1, start += frameSize) {
    if (start + frameSize > end) {
      begin = start;
      end = start + readSync(log.descriptor, buffer, 0, buffer.length, start);
    }
    if (start + frameSize > end) return;
    const frame = buffer.subarray(start - begin, start - begin + frameSize);
    const page = frame.readUInt32BE(0);
    if (frame.compare(salts, 0, 8, 8, 16) !== 0 || page === 0) return;
    sum = addChecksum(sum, viewOf(frame.subarray(0, 8)), log.isBigEndian);
    sum = addChecksum(sum, viewOf(frame.subarray(FRAME_HEADER_SIZE)), log.isBigEndian);
    if (!isChecksumAt(sum, frame, 16)) return;
    const goesOn = visit({
      index,
      page,
      offset: start + FRAME_HEADER_SIZE,
      commit: frame.readUInt32BE(4),
      checksum: () => frame.toString('hex', 16, 24),
    });
    if (!goesOn) return;
  }
}

function findLastCommit(log: Log): { frames: number; pages: number } | undefined {
  let commit: { frames: number; pages: number } | undefined;
  walkFrames(log, (frame) => {
    if (frame.commit !== 0) commit = { frames: frame.index, pages: frame.commit };
    return true;
  });
  return commit;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isChecksumAt([a, b]: Checksum, bytes: Buffer, offset: number): boolean {
  return a === bytes.readUInt32BE(offset) && b === bytes.readUInt32BE(offset + 4);
}

function addChecksum([first, second]: Checksum, view: DataView, isBigEndian: boolean): Checksum {
  let a = first;
  let b = second;
  for (let offset = 0; offset < view.byteLength; offset += 8) {
    a = (a + view.getUint32(offset, !isBigEndian) + b) >>> 0;
    b = (b + view.getUint32(offset + 4, !isBigEndian) + a) >>> 0;
  }
  return [a, b];
}

function readExactly(descriptor: number, offset: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  return readInto(descriptor, bytes, offset) ? bytes : undefined;
}

function readInto(descriptor: number, bytes: Buffer, offset: number): boolean {
  return readSync(descriptor, bytes, 0, bytes.length, offset) === bytes.length;
}
