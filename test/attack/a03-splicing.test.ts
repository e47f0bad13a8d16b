/** A3: nothing can be moved between files, backups or repositories, not even where one vault key opens both. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { encodePackEnd } from '#nbak/format/pack.js';
import { concatBytes } from '#nbak/format/bytes.js';
import type { ObjectName } from '#nbak/storage/storage.js';
import { judge, judgeDecrypted, restoreBackup, withDirectory } from '../support/engine-run.js';
import { footerOf, framesOf, indexFrom, plant } from '../support/outsider.js';
import { objectsUnder, onlyObject, storageWith, withObject, type Snapshot } from '../support/snapshots.js';
import { KEY_BYTES, repositoryOf, type Files } from '../support/tiny-repository.js';

type Repository = Awaited<ReturnType<typeof repositoryOf>>;

// Above 32 KiB a file is a blob of its own (§7.2); noise keeps the lengths of frames equal.
function noise(seed: number): Uint8Array {
  const bytes = new Uint8Array(33_000);
  let state = seed;
  for (let i = 0; i < bytes.length; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const FIRST: Files = { x: noise(1), y: noise(2) };
const SECOND: Files = { x: noise(3), y: noise(4), z: 'only in the second state' };

let ours: Repository;
let theirs: Repository;
let sealed: Repository;

beforeAll(async () => {
  ours = await repositoryOf([FIRST, SECOND]);
  // The same vault key, the same state: all that differs is the repository.
  theirs = await repositoryOf([FIRST, SECOND]);
  sealed = await repositoryOf([FIRST, SECOND], 'sealed');
});

const KINDS = ['packs/', 'pages/', 'manifests/', 'index/'];

/** Restores every backup and compares what arrived with `states`. */
async function wrongContent(
  snapshot: Snapshot,
  repository: Repository,
  states: readonly Files[],
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [i, backup] of repository.backups.entries()) {
    await withDirectory(async (directory) => {
      const target = `${directory}/t`;
      try {
        await restoreBackup(await storageWith(snapshot), KEY_BYTES, { target, backup });
      } catch (error) {
        if (!isNbakError(error)) throw error;
      }
      for (const name of existsSync(target) ? readdirSync(target) : []) {
        const expected = states[i]?.[name];
        if (expected === undefined || !readFileSync(`${target}/${name}`).equals(Buffer.from(expected)))
          wrong.push(name);
      }
    });
  }
  return wrong;
}

/** Every object of `from` under the name of every other object of the same kind in `into`. */
function* crossProduct(
  into: Snapshot,
  from: Snapshot,
): Generator<{ readonly what: string; readonly snapshot: Snapshot }> {
  for (const kind of KINDS) {
    for (const [name] of objectsUnder(into, kind)) {
      for (const [other, bytes] of objectsUnder(from, kind)) {
        if (other !== name) yield { what: `${other} as ${name}`, snapshot: withObject(into, name, bytes) };
      }
    }
  }
}

describe('A3 splicing', () => {
  it('A3: any object under the name of another of its kind, from here or another repository, is corruption', async () => {
    for (const repository of [ours, sealed]) {
      for (const from of [repository, theirs]) {
        for (const { what, snapshot } of crossProduct(repository.snapshot, from.snapshot)) {
          const { exit, codes } = await judge(await storageWith(snapshot), repository.publicKey);
          expect({ what, exit, codes }).toEqual({ what, exit: 20, codes: ['OBJECT_CORRUPT'] });
        }
      }
    }
  });

  it('A3: swapped objects of two backups never restore as each other', async () => {
    for (const repository of [ours, sealed]) {
      for (const { what, snapshot } of crossProduct(repository.snapshot, repository.snapshot)) {
        expect([what, await wrongContent(snapshot, repository, [FIRST, SECOND])]).toEqual([what, []]);
      }
    }
  });

  it('A3: every frame in the place of every other, across files, backups and repositories, is corruption', async () => {
    for (const repository of [ours, sealed]) {
      const donors = [
        ...objectsUnder(repository.snapshot, 'packs/'),
        ...objectsUnder(theirs.snapshot, 'packs/'),
      ];
      const frames = donors.flatMap(([, bytes]) => framesOf(bytes));
      for (const [name, pack] of objectsUnder(repository.snapshot, 'packs/')) {
        const own = framesOf(pack);
        for (const [place, replaced] of own.entries()) {
          for (const frame of frames) {
            if (frame === replaced || Buffer.from(frame).equals(Buffer.from(replaced))) continue;
            const spliced = concatBytes(...own.with(place, frame), encodePackEnd(footerOf(pack)));
            const attacked = withObject(repository.snapshot, name, spliced);
            const { exit, problems } = await judge(await storageWith(attacked), repository.publicKey);
            expect({ place, exit }).toEqual({ place, exit: 20 });
            expect(problems.every(({ object }) => object === name)).toBe(true);
          }
        }
      }
    }
  });

  it('A3: foreign objects under their own names, same vault key, are tampering where signed and litter where not', async () => {
    for (const kind of ['packs/', 'index/', 'manifests/', 'epochs/']) {
      for (const object of objectsUnder(theirs.snapshot, kind)) {
        const { exit, codes, problems } = await judge(
          await storageWith(plant(ours.snapshot, object)),
          ours.publicKey,
        );
        expect({ kind, exit, codes }).toEqual({ kind, exit: 21, codes: ['SIGNER_UNKNOWN'] });
        expect(problems.map((problem) => problem.object)).toEqual([object[0]]);
      }
    }
    for (const object of objectsUnder(theirs.snapshot, 'pages/')) {
      const attacked = plant(ours.snapshot, object);
      expect(await judge(await storageWith(attacked), ours.publicKey)).toMatchObject({ ok: true });
      expect(await wrongContent(attacked, ours, [FIRST, SECOND])).toEqual([]);
    }
  });

  it('A3: the repository object or the epoch record of another repository does not open, with either key', async () => {
    for (const prefix of ['repository', 'epochs/']) {
      const [name] = onlyObject(ours.snapshot, prefix);
      const [foreignName, foreign] = onlyObject(theirs.snapshot, prefix);
      const swapped = plant(withObject(ours.snapshot, name, undefined), [foreignName, foreign]);
      for (const run of [
        judge(await storageWith(swapped), ours.publicKey),
        judgeDecrypted(await storageWith(swapped), KEY_BYTES),
      ]) {
        expect((await run).refused?.exitCode).toBe(21);
      }
    }
  });

  it('A3: a whole other repository of the same vault key is refused by the pinned key', async () => {
    const { refused } = await judge(await storageWith(theirs.snapshot), ours.publicKey);
    expect(refused).toMatchObject({ code: 'SIGNER_UNKNOWN', exitCode: 21 });
  });

  it('A3: an index object with the footers of another repository is tampering and directs no reader', async () => {
    const footers = objectsUnder(theirs.snapshot, 'packs/').map(([, bytes]) => footerOf(bytes));
    const attacked = plant(ours.snapshot, indexFrom(footers), ...objectsUnder(theirs.snapshot, 'packs/'));
    const { exit, codes } = await judge(await storageWith(attacked), ours.publicKey);
    expect({ exit, codes }).toEqual({ exit: 21, codes: ['SIGNER_UNKNOWN'] });
    expect(await wrongContent(attacked, ours, [FIRST, SECOND])).toEqual([]);
  });

  it('A3: the objects under attack are several of each kind', () => {
    for (const kind of ['packs/', 'pages/', 'manifests/', 'index/']) {
      const names: readonly ObjectName[] = objectsUnder(ours.snapshot, kind).map(([name]) => name);
      expect(names.length).toBeGreaterThanOrEqual(2);
    }
    expect(objectsUnder(sealed.snapshot, 'pages/').length).toBeGreaterThanOrEqual(2);
  });
});
