/** Long objects are written past the page cache where that is possible, and come back the same where it is not. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlignedMemory, STEP_BYTES } from '#nbak/storage/aligned-memory.js';
import { GrowingFile } from '#nbak/storage/growing-file.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseObjectName, type Storage } from '#nbak/storage/storage.js';
import { withDirectory } from '../support/engine-run.js';

const NAME = parseObjectName('packs/a');

/** Lengths around the ends of steps, in pieces that do not care where steps end. */
const WRITES: readonly (readonly number[])[] = [
  [0],
  [1],
  [STEP_BYTES - 1],
  [STEP_BYTES],
  [STEP_BYTES + 1],
  [STEP_BYTES / 2, STEP_BYTES / 2],
  [4095, STEP_BYTES, 1, STEP_BYTES - 4096],
  [3 * STEP_BYTES + 17],
  [9 * STEP_BYTES + 17],
  [10, 2 * STEP_BYTES, 300_000, 300_000, 300_000, 300_000, 5],
];

/** The flags of the files below `directory` that this process has open. */
function openBelow(directory: string): readonly number[] {
  return readdirSync('/proc/self/fd').flatMap((number) => {
    try {
      if (!readlinkSync(`/proc/self/fd/${number}`).startsWith(directory)) return [];
      const info = readFileSync(`/proc/self/fdinfo/${number}`, 'utf8');
      return [parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? '0', 8)];
    } catch {
      // The descriptor that lists the others is gone when it is looked at.
      return [];
    }
  });
}

/** Says whether this process has a file below `directory` open for writing past the page cache. */
function writesDirectly(directory: string): boolean {
  return openBelow(directory).some((flags) => (flags & constants.O_DIRECT) !== 0);
}

function takesDirectWrites(directory: string): boolean {
  try {
    closeSync(
      openSync(join(directory, 'probe'), constants.O_CREAT | constants.O_WRONLY | constants.O_DIRECT),
    );
    return true;
  } catch {
    return false;
  }
}

async function write(storage: Storage, lengths: readonly number[]): Promise<Uint8Array> {
  const parts = lengths.map((length) => randomBytes(length));
  const writer = await storage.create();
  for (const part of parts) {
    const lent = Uint8Array.from(part);
    await writer.write(lent);
    lent.fill(0);
  }
  await writer.commit(NAME);
  return Buffer.concat(parts);
}

describe.each(['ext4 or whatever is here', 'ramfs, which has no O_DIRECT'])(
  'a long object on %s',
  (where) => {
    let directory: string;
    let unmountable: string | undefined;

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'nbak-direct-'));
      if (!where.startsWith('ramfs')) return;
      try {
        execFileSync('mount', ['-t', 'ramfs', 'ramfs', directory], { stdio: 'pipe' });
      } catch (error) {
        unmountable = error instanceof Error ? error.message : String(error);
      }
    });
    afterAll(async () => {
      if (where.startsWith('ramfs') && unmountable === undefined) execFileSync('umount', [directory]);
      await rm(directory, { recursive: true });
    });

    it.for(WRITES.map((lengths) => [lengths] as const))(
      'written as %j comes back the same',
      async ([lengths], test) => {
        test.skip(unmountable !== undefined, `no file system can be mounted here: ${unmountable ?? ''}`);
        const storage = await openLocalStorage(join(directory, 'r'), { mode: 'create' });
        const written = await write(storage, lengths);
        expect(Buffer.compare(await storage.get(NAME), written)).toBe(0);
        await storage.delete(NAME);
        await storage.close();
      },
    );

    it('is on its way past the page cache once a step is full, if the file system can', async (test) => {
      test.skip(unmountable !== undefined, `no file system can be mounted here: ${unmountable ?? ''}`);
      const storage = await openLocalStorage(join(directory, 'r'), { mode: 'create' });
      const writer = await storage.create();
      await writer.write(new Uint8Array(STEP_BYTES - 1));
      expect(writesDirectly(directory)).toBe(false);
      await writer.write(new Uint8Array(2 * STEP_BYTES));
      expect(writesDirectly(directory)).toBe(takesDirectWrites(directory));
      await writer.abort();
      expect(writesDirectly(directory)).toBe(false);
      await storage.close();
    });
  },
);

it('what the file system refuses, here for its address in memory, is written through the page cache', async () => {
  class Misaligned extends AlignedMemory {
    override take(): Buffer {
      return Buffer.alloc(STEP_BYTES + 1).subarray(1);
    }
  }
  await withDirectory(async (directory) => {
    const path = join(directory, 'f');
    const file = await GrowingFile.create(path, new Misaligned());
    const bytes = randomBytes(3 * STEP_BYTES + 1);
    await file.append(bytes);
    await file.sync();
    expect(writesDirectly(directory)).toBe(false);
    await file.close();
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});

it('a storage that is closed while a long object is written ends the write first, and leaves nothing open', async () => {
  await withDirectory(async (directory) => {
    const storage = await openLocalStorage(join(directory, 'r'), { mode: 'create' });
    const writer = await storage.create();
    const writing = writer.write(new Uint8Array(8 * STEP_BYTES));
    await storage.close();
    await writing;
    expect(openBelow(directory)).toEqual([]);
    expect(readdirSync(join(directory, 'r/tmp'))).toEqual([]);
  });
});
