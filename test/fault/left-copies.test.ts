/** A power cut, and another, around the copy that an application's own restore leaves: it is there when the swap is over. */

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backup } from '#nbak/backup/backup.js';
import { isNbakError } from '#nbak/errors.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { resumeRestore, resumeRestoreOn } from '#nbak/restore/in-place/resume.js';
import type { ResumeResult } from '#nbak/restore/in-place/result.js';
import { withDirectory } from '../support/engine-run.js';
import { copyWorld } from '../support/over-scene.js';
import { Crash, recordingFiles, replay, type Change } from '../support/recording-files.js';
import { buildDatabase, contentOf, type DatabaseContent } from '../support/systems/databases.js';
import { writeFiles } from '../support/systems/files.js';
import { restoreOverNewest } from '../support/systems/scene.js';
import { emptyRepository } from '../support/tiny-repository.js';

const APP = 'databases/default/app.db';

/** A restore of Chaos Cypher's state that can be cut off anywhere in its swap. */
interface Scene {
  /** What the disk holds when everything is staged. */
  readonly staged: string;
  /** What the swap does to it then. */
  readonly changes: readonly Change[];
  /** What the backup has for the database, and what it replaced. */
  readonly restored: DatabaseContent;
  readonly replaced: DatabaseContent;
}

async function makeScene(directory: string): Promise<Scene> {
  const [world, staged] = [join(directory, 'world'), join(directory, 'staged')];
  const root = join(world, 'state');
  const build = (name: string, rows: number): DatabaseContent => {
    rmSync(join(root, 'databases'), { recursive: true, force: true });
    const fill = (count: number, db: Parameters<Parameters<typeof buildDatabase>[2]['fill']>[0]): number => {
      db.exec(`CREATE TABLE IF NOT EXISTS ${name} (x)`);
      for (let n = 0; n < count; n += 1) db.exec(`INSERT INTO ${name} VALUES (${String(n)})`);
      return count;
    };
    buildDatabase(root, APP, {
      journal: 'wal',
      fill: (db) => fill(rows, db),
      later: (db) => fill(2, db),
    });
    // Of the restore before.
    buildDatabase(root, `${APP}.pre_restore`, { journal: 'delete', fill: (db) => fill(1, db) });
    return contentOf(join(root, APP));
  };
  const restored = build('first', 3);
  writeFiles(root, { 'settings.yaml': 'n: 1' });
  const repository = await emptyRepository();
  await backup(repository.unlocked, openCatalog(undefined, repository.unlocked.id), {
    selection: { sources: [root], exclude: [], excludeCaches: false, oneFileSystem: false, skip: [] },
    labels: { host: 'h', tags: [], purpose: 'ordinary', writer: 't', profile: 'chaos-cypher' },
    stagingDirectory: directory,
    lockWaitMs: 1000,
    threads: 0,
  });
  const replaced = build('second', 5);
  const files = recordingFiles(world);
  let stagedAt = 0;
  const { copies } = await restoreOverNewest(repository, root, {
    ...files,
    syncTree(path) {
      stagedAt = files.changes.length;
      copyWorld(world, staged);
      files.syncTree(path);
    },
  });
  expect(copies).toEqual([join(root, `${APP}.pre_restore`)]);
  return { staged, changes: files.changes.slice(stagedAt), restored, replaced };
}

/** The new state, whole, with the copy; nothing else is left. */
function expectEnded({ restored, replaced }: Scene, world: string, what: string): void {
  const root = join(world, 'state');
  expect(contentOf(join(root, APP)), what).toEqual(restored);
  expect(contentOf(join(root, `${APP}.pre_restore`)), what).toEqual(replaced);
  expect(readdirSync(join(root, 'databases/default')).sort(), what).toEqual(['app.db', 'app.db.pre_restore']);
  expect(readdirSync(root).sort(), what).toEqual(['databases', 'settings.yaml']);
}

function again(from: string, directory: string): string {
  const world = join(directory, 'again');
  rmSync(world, { recursive: true, force: true });
  copyWorld(from, world);
  return world;
}

const resume = (world: string): Promise<ResumeResult> =>
  resumeRestore({ target: join(world, 'state'), ifRunning: 'ignore' });

describe('C-08: a power cut while what was replaced is copied beside it', () => {
  it.each([
    ['lost everything that was not synced', false],
    ['lost nothing', true],
  ])('that %s leaves the copy, or a journal with which it is made', async (_, isLucky) => {
    await withDirectory(async (directory) => {
      const scene = await makeScene(directory);
      let finished = 0;
      // The first move makes the journal stand.
      const first = scene.changes.findIndex(({ kind }) => kind === 'move');
      for (let cut = first; cut <= scene.changes.length; cut += 1) {
        const world = again(scene.staged, directory);
        replay(world, scene.changes.slice(0, cut), () => isLucky);
        const stands = existsSync(join(world, 'state/.nbak-restore/journal'));
        const { outcome, copies, nextSteps } = await resume(world);
        if (stands) {
          finished += 1;
          expect(outcome).toBe('finished');
          expect(copies).toEqual([join(world, 'state', `${APP}.pre_restore`)]);
          expect(nextSteps.join()).toMatch(/chaoscypher upgrade/);
        }
        if (stands || finished > 0) expectEnded(scene, world, `cut ${String(cut)}`);
      }
      expect(finished).toBeGreaterThan(5);
    });
  });

  it('and others while it is finished, at every point, still leave it', async () => {
    await withDirectory(async (directory) => {
      const scene = await makeScene(directory);
      const half = join(directory, 'half');
      copyWorld(scene.staged, half);
      // The marker, the journal, and half of the moves.
      const moves = scene.changes.flatMap(({ kind }, n) => (kind === 'move' ? [n] : []));
      replay(half, scene.changes.slice(0, moves[moves.length >> 1]), () => true);
      let crashed = 0;
      for (let nth = 1; ; nth += 1) {
        const world = again(half, directory);
        const target = join(world, 'state');
        let ended = true;
        // Three cuts, each some steps further on.
        for (const crashAt of [nth, nth + 2, nth + 4]) {
          const files = recordingFiles(world);
          files.crashAt = crashAt;
          try {
            await resumeRestoreOn(files, { target, ifRunning: 'ignore' });
          } catch (error) {
            ended = false;
            expect(error instanceof Crash || isNbakError(error, 'TARGET_FAILED')).toBe(true);
          }
        }
        await resume(world);
        expectEnded(scene, world, `cut before ${String(nth)}`);
        if (ended) break;
        crashed += 1;
      }
      expect(crashed).toBeGreaterThan(5);
    });
  });
});
