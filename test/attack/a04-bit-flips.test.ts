/** A4: every bit of every object is under a hash or a signature, and damage is told where it is. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES, isNbakError } from '#nbak/errors.js';
import { SIGNED_TYPES } from '#nbak/format/cose.js';
import { REPOSITORY_NAME } from '#nbak/repository/object-names.js';
import type { ObjectName } from '#nbak/storage/storage.js';
import {
  judge,
  judgeDecrypted,
  restoreBackup,
  withDirectory,
  type Judgement,
} from '../support/engine-run.js';
import { storageWith, totalBytes, withObject, type Snapshot } from '../support/snapshots.js';
import { KEY_BYTES, TINY_FILES, tinyRepository } from '../support/tiny-repository.js';

const MINUTES = 60_000;

let tiny: Awaited<ReturnType<typeof tinyRepository>>;

beforeAll(async () => {
  tiny = await tinyRepository();
  expect(totalBytes(tiny.snapshot)).toBeLessThanOrEqual(4096);
});

interface Flip {
  readonly name: ObjectName;
  readonly bit: number;
  readonly snapshot: Snapshot;
}

function flip(name: ObjectName, bit: number): Flip {
  const bytes = new Uint8Array(tiny.snapshot.get(name) ?? []);
  const at = bit >> 3;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
  return { name, bit, snapshot: withObject(tiny.snapshot, name, bytes) };
}

function* everyFlip(): Generator<Flip> {
  for (const [name, bytes] of tiny.snapshot) {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) yield flip(name, bit);
  }
}

/** Every `step`-th flip: `step` is odd, so that all eight bits of a byte have their turn. */
function* someFlips(step: number): Generator<Flip> {
  let count = 0;
  for (const each of everyFlip()) if (count++ % step === 0) yield each;
}

/** Says whether a bit of the repository object lies in its type or in its format number. */
function saysVersion(bit: number): boolean {
  const object = Buffer.from(tiny.snapshot.get(REPOSITORY_NAME) ?? []);
  const at = bit >> 3;
  const type = object.indexOf(SIGNED_TYPES.repository);
  const format = object.indexOf('format') + 'format'.length;
  return (at >= type && at < type + SIGNED_TYPES.repository.length) || at === format;
}

/** What is wrong with the judgement of a flip; undefined when it is right. */
function complaint(
  { name, bit }: Flip,
  { ok, exit, codes, problems, refused }: Judgement,
): string | undefined {
  if (ok || exit === 0) return 'not found';
  if (name === REPOSITORY_NAME) {
    // Named by no hash: a signature or the form says it, and two fields can say that the format is newer.
    if (refused === undefined) return 'opened';
    if (exit === 13 && !saysVersion(bit)) return 'called newer';
    return [20, 21, 13].includes(exit) ? undefined : `refused with ${codes.join()}`;
  }
  const objects = refused === undefined ? problems.map(({ object }) => object) : [refused.details.object];
  if (objects.length === 0 || objects.some((object) => object !== name))
    return `attributed to ${objects.join()}`;
  // A flip in a pack's trailer declares a footer of another length.
  const allowed = name.startsWith('packs/') ? ['OBJECT_CORRUPT', 'LIMIT_EXCEEDED'] : ['OBJECT_CORRUPT'];
  return codes.every((code) => allowed.includes(code)) ? undefined : `judged ${codes.join()}`;
}

describe('A4 bit flips', () => {
  it(
    'A4: verify with the public key finds every single bit, calls it corruption and names the object',
    async () => {
      const missed: string[] = [];
      let flips = 0;
      for (const each of everyFlip()) {
        const judgement = await judge(await storageWith(each.snapshot), tiny.publicKey);
        const why = complaint(each, judgement);
        if (why !== undefined) missed.push(`${each.name} bit ${each.bit}: ${why}`);
        flips += 1;
      }
      expect(missed).toEqual([]);
      expect(flips).toBe(totalBytes(tiny.snapshot) * 8);
    },
    5 * MINUTES,
  );

  it('A4: verify with the vault key finds them as well', async () => {
    const missed: string[] = [];
    for (const each of someFlips(13)) {
      const { ok, exit } = await judgeDecrypted(await storageWith(each.snapshot), KEY_BYTES);
      const isRight = each.name === REPOSITORY_NAME ? [20, 21, 13].includes(exit) : exit === 20;
      if (ok || !isRight) missed.push(`${each.name} bit ${each.bit}: exit ${exit}`);
    }
    expect(missed).toEqual([]);
  });

  it('A4: restore of flipped objects refuses, or reports the files, and never writes a wrong byte', async () => {
    const wrong: string[] = [];
    for (const { name, bit, snapshot } of someFlips(17)) {
      await withDirectory(async (directory) => {
        const target = join(directory, 't');
        let codes: readonly string[];
        try {
          const { failed } = await restoreBackup(await storageWith(snapshot), KEY_BYTES, { target });
          codes = failed.map(({ code }) => code);
        } catch (error) {
          if (!isNbakError(error)) throw error;
          codes = [error.code];
        }
        const files = existsSync(target) ? readdirSync(target) : [];
        const isWhole = files.length === Object.keys(TINY_FILES).length;
        for (const file of files) {
          if (readFileSync(join(target, file), 'utf8') !== TINY_FILES[file])
            wrong.push(`${name} ${bit}: ${file}`);
        }
        if (isWhole === codes.length > 0)
          wrong.push(`${name} ${bit}: ${files.length} files and ${codes.join()}`);
        if (
          !codes.every((code) => [20, 21, 13].includes(ERROR_CODES[code as keyof typeof ERROR_CODES].exit))
        ) {
          wrong.push(`${name} ${bit}: ${codes.join()}`);
        }
      });
    }
    expect(wrong).toEqual([]);
  });
});
