/** A power cut at every point of a swap: what was not synced may be gone, and the restore can be finished all the same. */

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { resumeRestore, resumeRestoreOn } from '#nbak/restore/in-place/resume.js';
import { startWriter } from '../capture/support/processes.js';
import { withDirectory } from '../support/engine-run.js';
import { copyWorld, makeOverScene, type OverScene } from '../support/over-scene.js';
import { Crash, recordingFiles, replay } from '../support/recording-files.js';
import { counterOf, describeState } from '../support/state-directory.js';

/** Another pattern for every run of the slow tests. */
const MORE = [2, 3, 5, 7, 11].map(
  (k) => [`lost all but one of ${String(k)}`, (n: number) => (n * 2_654_435_761) % k === 0] as const,
);

/** What a power cut may do to changes that were not synced. */
const LUCK: readonly (readonly [string, (n: number) => boolean])[] = [
  ['lost them all', () => false],
  ['lost none', () => true],
  ['lost every other one', (n) => n % 2 === 0],
  ['lost the ones between', (n) => n % 2 === 1],
  ...(process.env['SLOW'] === '1' ? MORE : []),
];

/** A directory in one of its two whole states, with everything that was there before kept somewhere. */
function expectWhole(scene: OverScene, world: string): 'old' | 'new' {
  const state = join(world, scene.name);
  const names = readdirSync(state);
  expect(names.filter((name) => name.startsWith('NBAK') || name === '.nbak-restore')).toEqual([]);
  const now = withoutOwnTime(describeState(state));
  expect(readFileSync(join(state, 'logs/app.log'), 'utf8')).toBe('first\nsecond\n');
  expect(readFileSync(join(state, 'vault.key'), 'utf8')).toBe('key two');
  if (now.join('\n') === withoutOwnTime(scene.second).join('\n')) return 'old';
  expect(now).toEqual(withoutOwnTime(scene.first));
  const kept = readdirSync(world).filter((name) => name.startsWith(`${scene.name}.pre-restore-`));
  expect(kept).toHaveLength(1);
  const moved = join(world, kept[0] ?? '');
  expect(readFileSync(join(moved, 'settings.json'), 'utf8')).toBe('{"n":2}');
  expect(readFileSync(join(moved, 'notes/new.md'), 'utf8')).toBe('new');
  expect(counterOf(join(moved, 'wal.db'))).toBe(2);
  expect(counterOf(join(moved, 'data/rollback.db'))).toBe(2);
  return 'new';
}

/** The directory's own mtime is set last, after the journal is gone; the entered one's is in the replay's hands. */
function withoutOwnTime(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => !line.startsWith('"" ') && !line.startsWith('"logs" '));
}

function journalStands(state: string): boolean {
  return existsSync(join(state, '.nbak-restore/journal'));
}

describe('a power cut during a restore in place', () => {
  it.each(LUCK)(
    'that %s leaves at every point the old state, the new one, or a journal that is finished',
    async (_, isLucky) => {
      await withDirectory(async (directory) => {
        const scene = await makeOverScene(directory);
        const files = recordingFiles(scene.world);
        // The staged tree is synced as a whole before the first change that counts: kept from here for the replays.
        const staged = join(directory, 'staged');
        let stagedAt = 0;
        const recorded = {
          ...files,
          syncTree(path: Buffer): void {
            stagedAt = files.changes.length;
            copyWorld(scene.world, staged);
            files.syncTree(path);
          },
        };
        await scene.restore(scene.world, recorded);
        expect(expectWhole(scene, scene.world)).toBe('new');
        const { changes } = files;
        const seen = { old: 0, new: 0, finished: 0 };
        for (let cut = stagedAt; cut <= changes.length; cut += 1) {
          const world = join(directory, 'replayed');
          rmSync(world, { recursive: true, force: true });
          copyWorld(staged, world);
          replay(world, changes.slice(stagedAt, cut), isLucky);
          const state = join(world, scene.name);
          const had = journalStands(state);
          const { outcome } = await resumeRestore({ target: state, ifRunning: 'ignore' });
          expect(outcome).toBe(had ? 'finished' : outcome);
          const whole = expectWhole(scene, world);
          if (had) expect(whole, `cut ${String(cut)}`).toBe('new');
          seen[had ? 'finished' : whole] += 1;
          expect(await resumeRestore({ target: state, ifRunning: 'ignore' })).toMatchObject({
            outcome: 'nothing',
          });
        }
        expect(seen.old).toBeGreaterThan(2);
        expect(seen.finished).toBeGreaterThan(10);
        expect(seen.new).toBeGreaterThan(2);
        scene.close();
      });
    },
    120_000,
  );

  it('and another one while it is finished, at every point, still leaves a journal that is finished', async () => {
    await withDirectory(async (directory) => {
      const scene = await makeOverScene(directory);
      const { half, total } = await cutInTheMiddle(scene);
      let resumed = 0;
      for (let nth = 1; ; nth += 1) {
        const world = join(directory, 'again');
        rmSync(world, { recursive: true, force: true });
        copyWorld(half, world);
        const state = join(world, scene.name);
        const files = recordingFiles(world);
        files.crashAt = nth;
        const ended = await resumeRestoreOn(files, { target: state, ifRunning: 'ignore' }).then(
          () => true,
          (error: unknown) => {
            expect(error instanceof Crash || isNbakError(error, 'TARGET_FAILED'), String(error)).toBe(true);
            return false;
          },
        );
        await resumeRestore({ target: state, ifRunning: 'ignore' });
        expect(expectWhole(scene, world)).toBe('new');
        if (ended) break;
        resumed += 1;
      }
      expect(resumed).toBeGreaterThan(total / 4);
      scene.close();
    });
  }, 120_000);
});

describe('an application that starts in the middle of a swap', () => {
  it('loses nothing that it wrote, and its log does not get into the restored database', async () => {
    await withDirectory(async (directory) => {
      const scene = await makeOverScene(directory);
      await cutInTheMiddle(scene, 'becomes');
      const state = join(scene.world, scene.name);
      expect(existsSync(join(state, 'wal.db'))).toBe(false);
      // It finds no database and makes a new one; killed, it leaves its log.
      const again = await startWriter('hold', join(state, 'wal.db'));
      await again.kill();
      writeFileSync(join(state, 'settings.json'), 'defaults');
      await expect(scene.restore(scene.world)).rejects.toMatchObject({ code: 'RESTORE_UNFINISHED' });
      const { outcome, moved } = await resumeRestore({ target: state, ifRunning: 'refuse' });
      expect(outcome).toBe('finished');
      expect(expectWhole(scene, scene.world)).toBe('new');
      const appeared = join(moved[0] ?? '', '.appeared-since-1');
      expect(readdirSync(appeared).sort()).toEqual(['settings.json', 'wal.db', 'wal.db-shm', 'wal.db-wal']);
      expect(counterOf(join(appeared, 'wal.db'))).toBe(0);
      expect(readFileSync(join(appeared, 'settings.json'), 'utf8')).toBe('defaults');
      scene.close();
    });
  });

  it('keeps the restore from being finished while it runs', async () => {
    await withDirectory(async (directory) => {
      const scene = await makeOverScene(directory);
      await cutInTheMiddle(scene);
      const state = join(scene.world, scene.name);
      const writer = await startWriter('hold', join(state, 'wal.db'));
      await expect(resumeRestore({ target: state, ifRunning: 'refuse' })).rejects.toMatchObject({
        code: 'TARGET_IN_USE',
      });
      expect(journalStands(state)).toBe(true);
      await writer.kill();
      await resumeRestore({ target: state, ifRunning: 'refuse' });
      expect(expectWhole(scene, scene.world)).toBe('new');
      scene.close();
    });
  });
});

/** A world whose restore was cut off after half of its moves, or before the new `at` is moved in. */
async function cutInTheMiddle(
  scene: OverScene,
  at?: string,
): Promise<{ readonly half: string; readonly total: number }> {
  const trial = `${scene.world}-trial`;
  copyWorld(scene.world, trial);
  const counting = recordingFiles(trial);
  await scene.restore(trial, counting);
  const moves = counting.changes.flatMap((change, n) =>
    change.kind === 'move' ? [{ n, to: change.to }] : [],
  );
  const wanted =
    at === undefined
      ? moves[Math.floor(moves.length / 2)]
      : moves.find(({ to }) => to === `${scene.name}/${at}`);
  const half = recordingFiles(scene.world);
  half.crashAt = (wanted?.n ?? 0) + 1;
  await expect(scene.restore(scene.world, half)).rejects.toMatchObject({ code: 'TARGET_FAILED' });
  expect(journalStands(join(scene.world, scene.name))).toBe(true);
  return { half: scene.world, total: counting.changes.length };
}
