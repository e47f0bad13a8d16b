/** Recognises SQLite databases by their first bytes and says what lies beside them. For processes without SQLite. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { pathToBytes } from '../../format/path.js';
import type { BytePath } from '../../format/path.js';

/** A path on this machine: text, or bytes where it is not UTF-8. */
export type FilePath = string | Uint8Array;

/** What SQLite puts beside a database; never stored beside one that was captured as a database (DESIGN §6). */
export const SIDECAR_SUFFIXES = ['-wal', '-shm', '-journal'] as const;

/** The facts of the 100-byte header at the start of every SQLite database. */
export interface DatabaseHeader {
  /** `wal` also when the header says otherwise but a `-wal` lies beside the file: SQLite would read it. */
  readonly journal: 'wal' | 'rollback';
  /** Bytes, 512–65536; 0 when the header holds nonsense. */
  readonly pageSize: number;
  /** Of the file in bytes. */
  readonly size: number;
  readonly changeCounter: number;
  readonly hasWal: boolean;
  readonly hasShm: boolean;
  /** `void`: there is one, but a committed transaction emptied or zeroed it. */
  readonly rollbackJournal: 'none' | 'void' | 'filled';
}

const MAGIC = 'SQLite format 3\0';
const HEADER_LENGTH = 100;

/**
 * Reads the header of `path` with plain reads: cheap, and never to be called in a process that holds SQLite
 * connections, whose locks it would drop.
 *
 * @returns undefined when it is not a plain file that begins with SQLite's magic and holds a whole header, or cannot
 * be read.
 */
export function sniffDatabase(path: FilePath): DatabaseHeader | undefined {
  const start = readStart(path);
  if (start === undefined) return undefined;
  const { bytes, size } = start;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hasWal = exists(path, '-wal');
  return {
    journal: hasWal || view.getUint8(18) === 2 || view.getUint8(19) === 2 ? 'wal' : 'rollback',
    pageSize: decodePageSize(view.getUint16(16)),
    size,
    changeCounter: view.getUint32(24),
    hasWal,
    hasShm: exists(path, '-shm'),
    rollbackJournal: journalState(path),
  };
}

/** The path of a sidecar of `path`, as bytes for calls of `node:fs`. */
export function sidecarPath(path: FilePath, suffix: (typeof SIDECAR_SUFFIXES)[number]): Buffer {
  return Buffer.concat([Buffer.from(path), Buffer.from(suffix)]);
}

/** `path` with one character per byte: a form that JSON carries between processes and that can be a map key. */
export function toLatin1(path: FilePath): string {
  return Buffer.from(path).toString('latin1');
}

/** The bytes of a path that {@link toLatin1} made. */
export function fromLatin1(path: string): Buffer {
  return Buffer.from(pathToBytes(path as BytePath));
}

/** Page sizes are powers of two; 65536 does not fit the header's 16 bits and is written as 1. */
export function decodePageSize(field: number): number {
  const size = field === 1 ? 65_536 : field;
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0 ? size : 0;
}

/** Opens a file of a source for plain reading: no link is followed, no fifo waited for. */
export function openForReading(path: FilePath): number {
  return openSync(Buffer.from(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

function readStart(path: FilePath): { bytes: Buffer; size: number } | undefined {
  let descriptor: number | undefined;
  try {
    if (!lstatSync(Buffer.from(path)).isFile()) return undefined;
    descriptor = openForReading(path);
    const bytes = Buffer.alloc(HEADER_LENGTH);
    if (readSync(descriptor, bytes, 0, HEADER_LENGTH, 0) < HEADER_LENGTH) return undefined;
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
    return { bytes, size: fstatSync(descriptor).size };
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function journalState(path: FilePath): DatabaseHeader['rollbackJournal'] {
  if (!exists(path, '-journal')) return 'none';
  let descriptor: number | undefined;
  try {
    descriptor = openForReading(sidecarPath(path, '-journal'));
    const first = Buffer.alloc(1);
    return readSync(descriptor, first, 0, 1, 0) === 1 && first[0] !== 0 ? 'filled' : 'void';
  } catch {
    return 'filled';
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function exists(path: FilePath, suffix: (typeof SIDECAR_SUFFIXES)[number]): boolean {
  return lstatSync(sidecarPath(path, suffix), { throwIfNoEntry: false }) !== undefined;
}
