/**
 * Plays a hot rollback journal back into a private copy of its database, as SQLite's file format describes it
 * (sqlite.org/fileformat2.html#the_rollback_journal) and its pager does. SQLite itself could do it, but only with a
 * copy of the journal, old pages of the database, under a name (DESIGN §6: no plaintext copy survives a crash).
 */
import { existsSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { decodePageSize } from './header.js';

const MAGIC = 'd9d505f920a163d7';
const PENDING_BYTE = 0x4000_0000;
const HEADER_FIELDS = 28;
const UNTIL_END = 0xffff_ffff;
const MAX_NAME = 4096;

/**
 * Undoes the transaction that `journal` describes in the file `database`.
 *
 * @returns the number of pages put back. 0 also when the journal is void: empty, zeroed, or the child of a
 * super-journal that is gone, which means that its transaction was committed.
 */
export function playBackJournal(journal: number, database: number): number {
  const size = fstatSync(journal).size;
  const superName = readSuperJournalName(journal, size);
  if (superName !== undefined && !existsSync(superName)) return 0;
  let offset = 0;
  let sector = 0;
  let pageSize = 0;
  let restored = 0;
  let pages = 0;
  while (true) {
    const start = sector === 0 ? 0 : Math.ceil(offset / sector) * sector;
    const header = read(journal, start, HEADER_FIELDS);
    if (header?.toString('hex', 0, 8) !== MAGIC) return restored;
    if (start === 0) {
      sector = header.readUInt32BE(20);
      pageSize = header.readUInt32BE(24);
      if (pageSize === 0) pageSize = readPageSize(database);
      if (!isPowerOfTwo(sector, 32) || !isPowerOfTwo(pageSize, 512)) return restored;
    }
    if (start + sector > size) return restored;
    offset = start + sector;
    const recordSize = pageSize + 8;
    let records = header.readUInt32BE(8);
    if (records === UNTIL_END) records = Math.floor((size - sector) / recordSize);
    if (start === 0) {
      pages = header.readUInt32BE(16);
      ftruncateSync(database, pages * pageSize);
    }
    for (let index = 0; index < records; index += 1) {
      const record = read(journal, offset, recordSize);
      if (record === undefined) return restored;
      const number = record.readUInt32BE(0);
      const isLockPage = number === Math.floor(PENDING_BYTE / pageSize) + 1;
      if (number === 0 || isLockPage) return restored;
      const content = record.subarray(4, 4 + pageSize);
      if (checksum(header.readUInt32BE(12), content) !== record.readUInt32BE(4 + pageSize)) return restored;
      offset += recordSize;
      if (number > pages) continue;
      writeSync(database, content, 0, pageSize, (number - 1) * pageSize);
      restored += 1;
    }
  }
}

/** Every 200th byte counted from the end; SQLite's own trade between speed and torn sectors. */
function checksum(nonce: number, page: Buffer): number {
  let sum = nonce;
  for (let index = page.length - 200; index > 0; index -= 200) sum = (sum + (page[index] ?? 0)) >>> 0;
  return sum;
}

function readSuperJournalName(journal: number, size: number): Buffer | undefined {
  if (size < 16) return undefined;
  const end = read(journal, size - 16, 16);
  if (end?.toString('hex', 8, 16) !== MAGIC) return undefined;
  const length = end.readUInt32BE(0);
  if (length === 0 || length > MAX_NAME || length > size - 16) return undefined;
  const name = read(journal, size - 16 - length, length);
  if (name === undefined) return undefined;
  const sum = name.reduce((total, byte) => (total + ((byte << 24) >> 24)) >>> 0, 0);
  return sum === end.readUInt32BE(4) && name[0] !== 0 ? name : undefined;
}

function readPageSize(database: number): number {
  return decodePageSize(read(database, 16, 2)?.readUInt16BE(0) ?? 0);
}

function isPowerOfTwo(value: number, least: number): boolean {
  return value >= least && value <= 65_536 && (value & (value - 1)) === 0;
}

function read(descriptor: number, offset: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  return readSync(descriptor, bytes, 0, length, offset) === length ? bytes : undefined;
}
