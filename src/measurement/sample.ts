/** Bytes to measure with where the user names none: half text, half noise, as in the state of an assistant. */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { walk } from '../source/walk.js';
import { resolveRoot, sourcePath } from '../source/root.js';

/** A file to read from. */
export interface MaterialFile {
  /** Absolute, as bytes for calls of `node:fs`. */
  readonly path: Buffer;
  /** Bytes that are read of it at most. */
  readonly size: number;
}

const FILE_BYTES = 16 * 1024 * 1024;
const WORDS = 4096;
const TEXT_BLOCK = 64 * 1024;

/**
 * Writes files of `bytes` bytes together into `directory`.
 *
 * @param breathe - awaited between files; what it throws ends the writing.
 * @throws system errors.
 */
export async function writeSample(
  directory: string,
  bytes: number,
  breathe: () => Promise<void>,
): Promise<readonly MaterialFile[]> {
  const files: MaterialFile[] = [];
  for (let left = bytes; left > 0; left -= FILE_BYTES) {
    const size = Math.min(left, FILE_BYTES);
    const path = join(directory, `sample-${files.length}`);
    const noise = randomBytes(Math.floor(size / 2));
    writeFileSync(path, Buffer.concat([text(size - noise.length), noise]), { mode: 0o600 });
    files.push({ path: Buffer.from(path), size });
    await breathe();
  }
  return files;
}

/** The files below `source` in path order, until there are `bytes` of them; what cannot be read is left out. */
export function findFiles(source: string, bytes: number): readonly MaterialFile[] {
  const root = resolveRoot(source);
  const files: MaterialFile[] = [];
  let left = bytes;
  for (const entry of walk(root, { onProblem: () => undefined })) {
    if (left <= 0) break;
    if (entry.kind !== 'file' || entry.size === 0) continue;
    const size = Math.min(entry.size, left);
    files.push({ path: sourcePath(root, entry.path), size });
    left -= size;
  }
  return files;
}

/** Words of random letters, the first ones far more often than the last, as in languages. */
function text(length: number): Buffer {
  const letters = randomBytes(WORDS * 9);
  const words = Array.from({ length: WORDS }, (_, i) => {
    const word = letters.subarray(i * 9, i * 9 + 2 + ((letters[i * 9] ?? 0) % 8));
    return `${Array.from(word, (byte) => String.fromCharCode(97 + (byte % 26))).join('')} `;
  });
  const out = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += TEXT_BLOCK) {
    const picks = randomBytes(TEXT_BLOCK / 2);
    let block = '';
    for (let i = 0; block.length < TEXT_BLOCK; i = (i + 2) % picks.length) {
      const skewed = ((picks[i] ?? 0) * (picks[i + 1] ?? 0)) / 65_536;
      block += words[Math.floor(skewed * skewed * WORDS)] ?? '';
    }
    out.write(block, at, 'latin1');
  }
  return out;
}
