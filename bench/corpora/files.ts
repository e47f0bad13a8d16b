/** Many small files of text: 200 000 of them, or a million. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CorpusPlan } from './corpus.js';
import { Seeded } from './seeded.js';
import { text } from './text.js';

const FILES_PER_DIRECTORY = 100;
/** Directories of the second level in one of the first. */
const DIRECTORIES_PER_PART = 50;

/** Files in each directory of the first level: the unit in which a corpus can be taken in part. */
export const FILES_PER_PART = FILES_PER_DIRECTORY * DIRECTORIES_PER_PART;

/** `parts` × 5 000 files of 0.5 to 4 KiB, 100 to a directory. */
export function filesPlan(name: string, parts: number): CorpusPlan {
  const files = parts * FILES_PER_PART;
  return {
    name,
    make(directory) {
      const random = new Seeded('files');
      for (let part = 0; part < parts; part += 1) {
        for (let i = 0; i < DIRECTORIES_PER_PART; i += 1) {
          const path = join(directory, partName(part), String(i).padStart(2, '0'));
          mkdirSync(path, { recursive: true });
          for (let file = 0; file < FILES_PER_DIRECTORY; file += 1)
            writeFileSync(join(path, `file-${file}.txt`), text(random, 512 + random.below(3584)), 'latin1');
        }
      }
    },
    expected: { files: [files, files], bytes: [files * 2100, files * 2500] },
  };
}

/** The name of a directory of the first level. */
export function partName(part: number): string {
  return `part-${String(part).padStart(3, '0')}`;
}
