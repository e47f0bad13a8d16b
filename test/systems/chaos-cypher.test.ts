/** Chaos Cypher: what its own backups left out, trusted or half restored (C-numbers, and behaviours of its tests). */

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { readBackups } from '#nbak/repository/manifests.js';
import { resumeRestore } from '#nbak/restore/in-place/resume.js';
import { runWriter, snapshotTree, startWriter } from '../capture/support/processes.js';
import { makePlace, type ErrorJson, type RestoreJson } from '../support/cli.js';
import { judge, withDirectory } from '../support/engine-run.js';
import { snapshotOf, storageWith, withObject } from '../support/snapshots.js';
import {
  buildChaosCypher,
  findChunks,
  nearestChunks,
  vectorOf,
  WORD_OF_ALL,
} from '../support/systems/chaos-cypher.js';
import { contentOf, withCopy } from '../support/systems/databases.js';
import { backedUp, describeSystem, restoreOverNewest } from '../support/systems/scene.js';
import type { TestRepository } from '../support/tiny-repository.js';
import { copyWorld } from '../support/over-scene.js';
import { recordingFiles, Crash } from '../support/recording-files.js';
import { allBytes, describeTree, randomLike } from '../support/tree.js';

const APP = 'databases/default/app.db';

describe('Chaos Cypher, backed up', () => {
  it('C-01: nothing of a knowledge base can be read in the repository, and nobody else can read the repository', async () => {
    const place = await makePlace();
    buildChaosCypher(place.source);
    await place.backup();
    const bytes = allBytes(place.repository);
    for (const text of ['SQLite format 3', WORD_OF_ALL, 'password_hash', 'BEGIN PRIVATE KEY'])
      expect(bytes.includes(text), text).toBe(false);
    const open = (readdirSync(place.repository, { recursive: true }) as string[]).filter(
      (name) => (lstatSync(join(place.repository, name)).mode & 0o077) !== 0,
    );
    expect(open).toEqual([]);
  });

  it('C-02: a single changed bit in any object is found with the public key alone', async () => {
    const { repository } = await backedUp(buildChaosCypher);
    const snapshot = await snapshotOf(repository.storage);
    for (const [name, bytes] of snapshot) {
      const changed = Uint8Array.from(bytes);
      changed[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      const { ok } = await judge(
        await storageWith(withObject(snapshot, name, changed)),
        repository.publicKey,
      );
      expect({ name, ok }).toEqual({ name, ok: false });
    }
    expect(snapshot.size).toBeGreaterThan(5);
  });

  it('C-05: a database that is damaged is named when it is backed up, an empty one is an empty file', async () => {
    const { result, restore } = await backedUp((root) => {
      const built = buildChaosCypher(root);
      const research = join(root, 'databases/research');
      for (const suffix of ['-wal', '-shm']) truncateSync(join(research, `app.db${suffix}`));
      const bytes = readFileSync(join(research, 'app.db'));
      bytes.fill(0xa5, 3 * 4096, 5 * 4096);
      writeFileSync(join(research, 'app.db'), bytes);
      truncateSync(join(research, 'app.db.pre_restore'));
      return built;
    });
    expect(result.damaged.map(({ path, code }) => ({ path, code }))).toEqual([
      { path: 'state/databases/research/app.db', code: 'DATABASE_DAMAGED' },
    ]);
    const target = await restore();
    expect(lstatSync(join(target, 'databases/research/app.db.pre_restore')).size).toBe(0);
  });

  it('C-06: two backups in one second are two backups', async () => {
    const { backup, result, repository } = await backedUp(buildChaosCypher);
    const ids = [result.id, (await backup()).id, (await backup()).id];
    expect(new Set(ids).size).toBe(3);
    expect((await readBackups(repository.unlocked)).backups.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  it('C-09: every knowledge base, settings, credentials, secrets, sources and plugins come back, with modes and owners', async () => {
    const { built, restore } = await backedUp(buildChaosCypher);
    const target = await restore();
    expect(describeSystem({ ...built, root: target })).toEqual(describeSystem(built));
    for (const path of [...built.kept, ...built.secret])
      expect(existsSync(join(target, path)), path).toBe(true);
    expect(lstatSync(join(target, 'settings.yaml')).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(target, 'secrets')).mode & 0o777).toBe(0o750);
  });

  it('C-14: full text and vectors find after a restore what they found before, and the settings are of the same moment', async () => {
    const { built, restore } = await backedUp(buildChaosCypher);
    const target = await restore();
    built.knowledgeBases.forEach((name, n) => {
      const first = n * 1000;
      withCopy(join(target, `databases/${name}/app.db`), (db) => {
        expect(findChunks(db, WORD_OF_ALL)).toHaveLength(built.chunks);
        expect(findChunks(db, `chunk${first + 7}`)).toEqual([`c-${first + 7}`]);
        db.exec("INSERT INTO chunks_fts(chunks_fts) VALUES ('integrity-check')");
        for (const chunk of [first, first + built.chunks - 1])
          expect(nearestChunks(db, vectorOf(chunk), 1)).toEqual([`c-${chunk}`]);
      });
    });
    expect(
      readFileSync(join(target, 'settings.yaml')).equals(readFileSync(join(built.root, 'settings.yaml'))),
    ).toBe(true);
  });

  it('C-17: a backup leaves nothing in the data directory, no lock and no directory of its own', async () => {
    const { built, backup } = await backedUp(buildChaosCypher);
    const before = snapshotTree(built.root);
    await backup();
    expect(snapshotTree(built.root)).toEqual(before);
  });

  it('C-18: after one row more a backup adds a fraction of the database', async () => {
    const { built, backup } = await backedUp((root) => {
      const chaos = buildChaosCypher(root);
      const db = new Database(join(root, APP));
      db.exec('CREATE TABLE bulk (x)');
      const insert = db.prepare('INSERT INTO bulk VALUES (randomblob(2000))');
      for (let n = 0; n < 500; n += 1) insert.run();
      db.close();
      return chaos;
    });
    const db = new Database(join(built.root, APP));
    db.exec("INSERT INTO alembic_version VALUES ('0043')");
    db.close();
    const { bytesAdded } = await backup();
    expect(lstatSync(join(built.root, APP)).size).toBeGreaterThan(1_000_000);
    expect(bytesAdded).toBeGreaterThan(0);
    expect(bytesAdded).toBeLessThan(300_000);
  });
});

describe('Chaos Cypher, restored over a live data directory', () => {
  it('C-03: a restore that is cut off at any step leaves the old state, the new one, or a journal that is finished', async () => {
    const { built, repository, directory } = await backedUp((root) => {
      const chaos = buildChaosCypher(root);
      rmSync(join(root, 'databases/research'), { recursive: true });
      return {
        ...chaos,
        databases: chaos.databases.filter(({ path }) => path.startsWith('databases/default/')),
      };
    });
    const restored = describeSystem(built, isRoot);
    addLater(join(built.root, APP));
    const older = describeSystem(built, isRoot);
    const pristine = join(directory, 'pristine');
    copyWorld(built.root, pristine);
    const seen = { old: 0, new: 0 };
    const changes = await changesOf(repository, pristine);
    for (let step = 1; step <= changes + 1; step += Math.ceil(changes / 6)) {
      await withDirectory(async (world) => {
        const root = join(world, 'state');
        copyWorld(pristine, root);
        const files = recordingFiles(world);
        files.crashAt = step;
        await restoreOverNewest(repository, root, files).catch((error: unknown) => {
          expect(error instanceof Crash || isNbakError(error, 'TARGET_FAILED'), String(error)).toBe(true);
        });
        await resumeRestore({ target: root, ifRunning: 'ignore' });
        const now = describeSystem({ ...built, root }, isRoot);
        const isNew = JSON.stringify(now) === JSON.stringify(restored);
        if (!isNew) expect(now, `step ${step}`).toEqual(older);
        seen[isNew ? 'new' : 'old'] += 1;
      });
    }
    expect(seen.old).toBeGreaterThan(1);
    expect(seen.new).toBeGreaterThan(1);
  });

  it('C-04: a process of another kind that holds app.db open keeps the restore from beginning', async () => {
    const { built, repository } = await backedUp(buildChaosCypher);
    await startWriter('hold', join(built.root, APP));
    const restoring = restoreOverNewest(repository, built.root);
    await expect(restoring).rejects.toMatchObject({ code: 'TARGET_IN_USE' });
    expect(readdirSync(built.root)).not.toContain('.nbak-restore');
  });

  it('C-07: the safety backup has what was in the log alone, no old log stays, and the newest by time is the latest', async () => {
    const place = await makePlace();
    buildChaosCypher(place.source);
    const { id } = await place.backup();
    const database = join(place.source, APP);
    runWriter('leave-wal', database);
    const late = contentOf(database);
    const { safetyBackup } = await place.json<{ safetyBackup: string }>(
      0,
      'restore',
      id,
      '--in-place',
      place.source,
    );
    expect(existsSync(`${database}-wal`)).toBe(false);
    expect(contentOf(database).rows['late']).toBeUndefined();
    await place.nbak(0, 'restore', safetyBackup, '--target', place.path('safety'));
    expect(contentOf(join(place.path('safety'), APP))).toEqual(late);
    // Safety backups are not what `latest` means.
    expect(await place.json(0, 'show', 'latest')).toMatchObject({ id });
  });

  it('C-08: each restore has a safety backup of its own; all are listed and can be restored', async () => {
    const place = await makePlace();
    buildChaosCypher(place.source);
    const { id } = await place.backup();
    for (const content of ['first', 'second']) {
      writeFileSync(join(place.source, 'settings.yaml'), content);
      await place.nbak(0, 'restore', id, '--in-place', place.source);
    }
    const { backups } = await place.json<{ backups: { id: string; purpose: string }[] }>(0, 'list');
    const safety = backups.filter(({ purpose }) => purpose === 'safety');
    expect(safety).toHaveLength(2);
    const { stdout } = await place.nbak(0, 'cat', safety[1]?.id ?? '', 'settings.yaml');
    expect(stdout).toBe('first');
  });

  it('C-11: without space for both states a restore does not begin, and says how much is missing', async ({
    skip,
  }) => {
    const place = await makePlace();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', place.source], { stdio: 'pipe' });
    } catch {
      skip(true, 'no file system can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', [place.source]));
    buildChaosCypher(place.source);
    writeFileSync(join(place.source, 'sources/large.bin'), randomLike(4_500_000, 95));
    const { id } = await place.backup();
    const before = describeTree(place.source);
    const { error } = await place.json<ErrorJson>(1, 'restore', id, '--in-place', place.source);
    expect(error).toMatchObject({
      code: 'SPACE_INSUFFICIENT',
      details: { needed: expect.any(Number) as number },
    });
    expect(describeTree(place.source)).toEqual(before);
  });

  it('C-16: times are RFC 3339 in UTC wherever they are told', async () => {
    const place = await makePlace();
    buildChaosCypher(place.source);
    await place.backup();
    const { backups } = await place.json<{ backups: { time: string; signedAt: string }[] }>(0, 'list');
    for (const { time, signedAt } of backups)
      for (const each of [time, signedAt]) expect(each).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });
});

describe('behaviours that the tests of Chaos Cypher fix', () => {
  it('CB-01: a backup can be restored to a directory several levels deep that is not there; one that is missing is an error', async () => {
    const place = await makePlace();
    buildChaosCypher(place.source);
    await place.nbak(0, 'backup', place.source);
    const target = place.path('deep/er/target');
    const { databases } = await place.json<RestoreJson>(0, 'restore', 'latest', '--target', target);
    expect(contentOf(join(target, APP))).toEqual(contentOf(join(place.source, APP)));
    // FTS5 and vec0 are checked as far as their own tables go, without the module of the latter.
    expect(databases.find(({ path }) => path === APP)?.verdict).toBe('ok');
    const { error } = await place.json<ErrorJson>(1, 'backup', place.path('no-such-directory'));
    expect(error.code).toBe('SOURCE_NOT_FOUND');
    const none = await makePlace();
    expect((await none.json<ErrorJson>(1, 'show', 'latest')).error.code).toBe('BACKUP_NOT_FOUND');
  });

  it('CB-02: names that lead elsewhere are no backup and no path of one', async () => {
    const place = await makePlace();
    buildChaosCypher(place.source);
    await place.backup();
    for (const name of ['../../etc/passwd', 'bad name!']) {
      const { error } = await place.json<ErrorJson>(1, 'restore', name, '--target', place.path('out'));
      expect(error.code).toBe('BACKUP_NOT_FOUND');
    }
    const { error } = await place.json<ErrorJson>(1, 'cat', 'latest', '../../etc/passwd');
    expect(error.code).toBe('PATH_NOT_FOUND');
    expect(existsSync(place.path('out'))).toBe(false);
  });

  it('CB-04: a restore removes the log and brings the older revision back; a backup that is gone is not found', async () => {
    const { built, restoreInPlace } = await backedUp(buildChaosCypher);
    const database = join(built.root, APP);
    addLater(database);
    expect(revisionOf(database)).toBe('0043');
    await restoreInPlace();
    expect(
      readdirSync(join(built.root, 'databases/default')).filter((name) => /-(wal|shm)$/.test(name)),
    ).toEqual([]);
    expect(revisionOf(database)).toBe('0042');
  });
});

/** A migration, committed into the log by a process that was killed. */
function addLater(database: string): void {
  runWriter('leave-wal', database);
  const db = new Database(database);
  const last = new Database(database, { readonly: true });
  db.exec("UPDATE alembic_version SET version_num = '0043'");
  last.pragma('schema_version');
  db.close();
  last.close();
}

function revisionOf(database: string): unknown {
  return withCopy(database, (db) => db.prepare('SELECT version_num FROM alembic_version').pluck().get());
}

/** How many changes a restore makes that nothing cuts off. */
async function changesOf(repository: TestRepository, pristine: string): Promise<number> {
  return withDirectory(async (world) => {
    copyWorld(pristine, join(world, 'state'));
    const files = recordingFiles(world);
    await restoreOverNewest(repository, join(world, 'state'), files);
    return files.changes.length;
  });
}

/** The directory's own time is set last, when nothing can be cut off any more. */
function isRoot(path: string): boolean {
  return path === '';
}
