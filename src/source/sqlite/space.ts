/** Free space is checked before anything is staged, not discovered by a full disk. */
import { lstatSync, statfsSync } from 'node:fs';
import { NbakError } from '../../errors.js';
import { sidecarPath } from './header.js';
import type { FilePath } from './header.js';

/** Room left over for the filesystem's own needs and for others. */
const MARGIN_BYTES = 8 * 1024 * 1024;

/**
 * Makes sure that `needed` more bytes fit into `directory`.
 *
 * @throws NbakError `SPACE_INSUFFICIENT` with `needed` and `free` in bytes and `path`.
 */
export function requireSpace(directory: string, needed: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  if (free >= needed + MARGIN_BYTES) return;
  throw new NbakError(
    'SPACE_INSUFFICIENT',
    `Copying databases needs ${needed + MARGIN_BYTES} bytes in ${directory}, where ${free} are free`,
    {
      details: { needed: needed + MARGIN_BYTES, free, path: directory },
      hint: 'Free space there, or name another place for temporary files (TMPDIR).',
    },
  );
}

/** Bytes that a copy may need. Pages of the log may lie beyond the file's end; each is counted, which errs upwards. */
export function sizeWithLog(path: FilePath): number {
  const files = [Buffer.from(path), sidecarPath(path, '-wal')];
  return files.reduce((sum, file) => sum + (lstatSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}
