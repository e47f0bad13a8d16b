/** Pins databases one after the other through one capture process, and compares what is read of them. */
import { closeSync, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Candidate } from '#nbak/source/sqlite/candidate.js';
import { CaptureProcess } from '#nbak/source/sqlite/child-process.js';
import { DatabasePin } from '#nbak/source/sqlite/database-pin.js';
import type { DatabaseReading } from '#nbak/source/sqlite/database-pin.js';
import { readImage } from '#nbak/source/sqlite/image.js';
import type { DatabaseImage } from '#nbak/source/sqlite/image.js';
import { createPrivateDirectory, removePrivateDirectory } from '#nbak/source/sqlite/private-directory.js';

/** A capture process that is asked for one database after the other: a hundred pins in the time of one capture. */
export class Pins implements AsyncDisposable {
  readonly #directory: string;
  readonly #child: CaptureProcess;
  #count = 0;

  constructor(staging: string) {
    this.#directory = createPrivateDirectory(staging);
    this.#child = new CaptureProcess(this.#directory);
  }

  /** Pins a database that is in use. */
  async pin(path: string): Promise<DatabasePin> {
    const context = { child: this.#child, directory: this.#directory, lockWaitMs: 10_000 };
    const candidate = new Candidate(context, path, this.#count++);
    await candidate.prepare();
    expect(candidate.state).toMatchObject({ way: 'in-place' });
    const answer = await this.#child.ask('pin', {
      databases: [candidate.number],
      lockable: [],
      held: [],
      hiddenWriters: false,
      lockWaitMs: 10_000,
    });
    expect(answer).toMatchObject({ outcome: 'pinned' });
    return new DatabasePin(context, candidate);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end();
    removePrivateDirectory(this.#directory);
  }
}

/** True when a reading reads the source's own file. */
export function isInPlace({ image }: DatabaseReading, path: string): boolean {
  return fstatSync(image.file).ino === lstatSync(path).ino;
}

/** All bytes of an image, in pieces of odd sizes, with time in between for others to do harm. */
export async function readSlowly(image: DatabaseImage, pieces = 20, pauseMs = 2): Promise<Buffer> {
  const bytes = Buffer.alloc(image.size, 0xee);
  const step = Math.max(1, Math.ceil(image.size / pieces));
  for (let offset = 0; offset < image.size; offset += step) {
    const piece = bytes.subarray(offset, Math.min(offset + step, image.size));
    expect(readImage(image, piece, offset)).toBe(piece.length);
    await sleep(Math.random() * pauseMs);
  }
  return bytes;
}

/**
 * Fails unless `image` is, byte for byte, what the backup API copied under the same pin; apart from what SQLite does
 * not copy but counts itself when it commits to the new file: the change counter (24–27), the schema cookie (40–43,
 * 1 in a new file), and the version of SQLite that wrote last, with the counter at that moment (92–99).
 * Those bytes of both are zero afterwards.
 */
export function expectSameDatabase(image: Buffer, backup: Buffer): void {
  expect(image.length).toBe(backup.length);
  for (const bytes of [image, backup]) {
    bytes.fill(0, 24, 28);
    bytes.fill(0, 40, 44);
    bytes.fill(0, 92, 100);
  }
  if (image.equals(backup)) return;
  const offset = image.findIndex((byte, index) => byte !== backup[index]);
  expect.fail(`byte ${offset} differs`);
}

/** What a log and its index say, read as anybody may. */
export interface LogLook {
  readonly frames: number;
  readonly backfilled: number;
  readonly indexSalts: string;
  /** Of the log's own header; '' for an empty log. */
  readonly logSalts: string;
  readonly logSize: number;
}

/** Looks at the log of `path`; only for processes that hold no connection to it. */
export function lookAtLog(path: string): LogLook {
  const index = readStart(`${path}-shm`, 136);
  const log = readStart(`${path}-wal`, 32);
  return {
    frames: index.readUInt32LE(16),
    backfilled: index.readUInt32LE(96),
    indexSalts: index.toString('hex', 32, 40),
    logSalts: log.toString('hex', 16, 24),
    logSize: lstatSync(`${path}-wal`).size,
  };
}

function readStart(path: string, length: number): Buffer {
  const descriptor = openSync(path, 'r');
  const bytes = Buffer.alloc(length);
  const count = readSync(descriptor, bytes, 0, length, 0);
  closeSync(descriptor);
  return bytes.subarray(0, count);
}
