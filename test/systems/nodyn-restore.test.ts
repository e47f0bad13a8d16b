/** nodyn and lynox: what their own restores undid, left over or let in (N-numbers, and behaviours of their tests). */

import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { runWriter, startWriter } from '../capture/support/processes.js';
import { makePlace, parseLine, type ErrorJson, type Place } from '../support/cli.js';
import { headMemory, judge, restoreBackup } from '../support/engine-run.js';
import { Insider } from '../support/insider.js';
import { objectsUnder, snapshotOf, storageWith, withObject, type Snapshot } from '../support/snapshots.js';
import { contentOf, withCopy } from '../support/systems/databases.js';
import { buildLynox } from '../support/systems/lynox.js';
import { ColumnCipher } from '../support/systems/lynox-secrets.js';
import { buildNodyn } from '../support/systems/nodyn.js';
import { backedUp, damaged, describeSystem, restoreOverNewest } from '../support/systems/scene.js';
import { emptyRepository, KEY_BYTES } from '../support/tiny-repository.js';
import { describeTree, randomLike } from '../support/tree.js';

describe('nodyn and lynox, restored', () => {
  it('N-02: restored over a live one, a knowledge graph that is a directory is what it was, and no ciphertext', async () => {
    const { built, restoreInPlace } = await backedUp((root) => buildNodyn(root, 'directory'));
    const before = built.graph.map((path) => readFileSync(join(built.root, path)));
    for (const path of built.graph) writeFileSync(join(built.root, path), 'newer');
    await restoreInPlace();
    const after = built.graph.map((path) => readFileSync(join(built.root, path)));
    expect(after.map((bytes, n) => bytes.equals(before[n] ?? Buffer.of()))).toEqual(before.map(() => true));
    expect(readdirSync(join(built.root, 'knowledge-graph'))).toHaveLength(built.graph.length);
  });

  it('N-03: rows committed after the backup do not come back from the log of a killed application', async () => {
    const { built, restoreInPlace } = await backedUp(buildLynox);
    const path = join(built.root, 'engine.db');
    const before = contentOf(path);
    runWriter('leave-wal', path);
    expect(contentOf(path).rows).toMatchObject({ items: 200, late: 1 });
    await restoreInPlace();
    expect(existsSync(`${path}-wal`) || existsSync(`${path}-shm`)).toBe(false);
    expect(contentOf(path)).toEqual(before);
    // As the application looks at it when it starts: in its place, not in a copy.
    withCopy(path, (db) => expect(db.prepare('SELECT count(*) FROM subjects').pluck().get()).toBe(1));
  });

  it('N-13: an object that is dropped, swapped, or replaced by one in the clear is found by verify and never restored', async () => {
    const { built, backup, directory, repository } = await backedUp(buildNodyn);
    writeFileSync(join(built.root, 'memory/new.bin'), randomLike(30_000, 91));
    await backup();
    const seen = headMemory();
    expect(await judge(repository.storage, repository.publicKey, seen)).toMatchObject({ ok: true });
    const whole = describeSystem(built);
    let changes = 0;
    for (const [what, changed] of manipulated(await snapshotOf(repository.storage))) {
      const storage = await storageWith(changed);
      const { exit } = await judge(storage, repository.publicKey, seen);
      expect([20, 21, 22], what).toContain(exit);
      const target = join(directory, what.replace('/', ' '));
      const failed = await restoreBackup(storage, KEY_BYTES, { target }).then(
        (result) => result.failed,
        () => ['all'],
      );
      // What was taken away may be the older backup's alone.
      if (failed.length === 0 && !what.includes('dropped'))
        expect(describeSystem({ ...built, root: target }), what).toEqual(whole);
      changes += 1;
    }
    expect(changes).toBe(9);
  });

  it('N-14: a path that leaves the target is refused by verify and by restore, though its signature is right', async () => {
    const repository = await emptyRepository();
    const root = { path: '', kind: 'directory' } as const;
    await new Insider(repository.unlocked).storeBackup([
      root,
      { path: '../../.ssh/authorized_keys', content: 'mine' },
    ]);
    expect(await judge(repository.storage, repository.publicKey)).toMatchObject({ codes: ['PATH_UNSAFE'] });
    const { directory } = await backedUp(buildNodyn);
    const target = join(directory, 'a/b/target');
    await expect(restoreBackup(repository.storage, KEY_BYTES, { target })).rejects.toMatchObject({
      code: 'PATH_UNSAFE',
    });
    expect(existsSync(join(directory, '.ssh'))).toBe(false);
  });

  it('N-15: files made after the backup are moved aside by a restore in place, not left among the old ones', async () => {
    const { built, restoreInPlace } = await backedUp(buildNodyn);
    const before = describeSystem(built);
    const later = ['later.txt', 'memory/global/later.txt'];
    for (const path of later) writeFileSync(join(built.root, path), 'later');
    const { moved } = await restoreInPlace();
    expect(describeSystem(built)).toEqual(before);
    for (const path of later) expect(readFileSync(join(moved[0] ?? '', path), 'utf8')).toBe('later');
  });

  it('N-22: no restore in place goes on without its safety backup, unless that is typed', async () => {
    const place = await makePlace();
    const built = buildNodyn(place.source);
    const { id } = await place.backup();
    writeFileSync(join(built.root, 'memory/global/later.txt'), 'later');
    const before = describeTree(built.root);
    // A repository that takes nothing: something lies where packs are written.
    blockWrites(place);
    const { error } = await place.json<ErrorJson>(1, 'restore', id, '--in-place', place.source);
    expect(error.code).toMatch(/^STORAGE_/);
    expect(describeTree(built.root)).toEqual(before);
    const result = await place.json(0, 'restore', id, '--in-place', place.source, '--no-safety-backup');
    expect(result).toMatchObject({ swapped: true, safetyBackup: null });
  });
});

describe('behaviours that the tests of nodyn and lynox fix', () => {
  it('NB-02: what is sealed opens again, not with another key, and no file in the clear passes for sealed', async () => {
    const { repository, restore, built } = await backedUp(buildNodyn);
    expect(describeSystem({ ...built, root: await restore() })).toEqual(describeSystem(built));
    const [name = '' as never] = objectsUnder(await snapshotOf(repository.storage), 'packs/')[0] ?? [];
    const plain = withObject(await snapshotOf(repository.storage), name, Buffer.from('a file in the clear'));
    expect(await judge(await storageWith(plain), repository.publicKey)).toMatchObject({
      ok: false,
      exit: 20,
    });
  });

  it('NB-04: a valid database passes the check; a damaged one is named and kept as it lies there; noise is a file', async () => {
    const { built, result, entries, restore } = await backedUp((root) => {
      const nodyn = buildNodyn(root);
      const vault = readFileSync(join(root, 'vault.db'));
      writeFileSync(join(root, 'vault.db'), vault.fill(0xa5, 4096, 8192));
      writeFileSync(join(root, 'noise.db'), randomLike(8192, 93));
      return nodyn;
    });
    const all = await entries();
    const checks = ['history.db', 'vault.db', 'noise.db'].map(
      (name) => all.get(name)?.entry.extra.database?.check,
    );
    expect(checks).toEqual(['ok', undefined, undefined]);
    expect(result.damaged.map(({ path }) => path)).toEqual(['state/vault.db']);
    const target = await restore();
    for (const name of ['vault.db', 'noise.db'])
      expect(readFileSync(join(target, name)).equals(readFileSync(join(built.root, name)))).toBe(true);
  });

  it('NB-05: a backup says what it holds, its manifest is in the storage, and it verifies', async () => {
    const { built, result, repository } = await backedUp(buildNodyn);
    const sidecars = built.databases.filter(({ rowsInLog }) => rowsInLog > 0).length * 2;
    const files = describeTree(built.root).filter((line) => / [0-9a-f]{64}$/.test(line)).length;
    expect(result).toMatchObject({
      filesTotal: files - sidecars,
      databases: 3,
      torn: [],
      unreadable: [],
      damaged: [],
    });
    expect(objectsUnder(await snapshotOf(repository.storage), `manifests/${result.id}`)).toHaveLength(1);
    expect(await judge(repository.storage, repository.publicKey)).toMatchObject({ ok: true });
  });

  it('NB-06: databases come back valid and with all their rows, those that were in the log alone too', async () => {
    const { built, restore } = await backedUp(buildNodyn);
    const target = await restore();
    for (const { path } of built.databases) {
      expect(contentOf(join(target, path))).toEqual(contentOf(join(built.root, path)));
      expect(contentOf(join(target, path)).integrity).toBe('ok');
    }
    expect(contentOf(join(target, 'history.db')).rows).toEqual({ runs: built.encryptedValues });
  });

  it('NB-07: memory and configuration come back byte for byte', async () => {
    const { built, restore } = await backedUp(buildNodyn);
    const target = await restore();
    const paths = built.kept.filter((path) => /^(memory|sessions)\/|^config\.json$/.test(path));
    expect(paths).toHaveLength(6);
    for (const path of paths)
      expect(readFileSync(join(target, path)).equals(readFileSync(join(built.root, path))), path).toBe(true);
  });

  it('NB-08: a database that is not there is no error', async () => {
    const { result } = await backedUp((root) => {
      const built = buildNodyn(root);
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(root, `datastore.db${suffix}`));
      return built;
    });
    expect(result).toMatchObject({ databases: 2, unreadable: [], damaged: [] });
  });

  it('NB-09: a backup whose manifest is gone is said to be gone', async () => {
    const { repository, result } = await backedUp(buildNodyn);
    const seen = headMemory();
    expect(await judge(repository.storage, repository.publicKey, seen)).toMatchObject({ ok: true });
    const snapshot = await snapshotOf(repository.storage);
    const [name = '' as never] = objectsUnder(snapshot, `manifests/${result.id}`)[0] ?? [];
    const storage = await storageWith(withObject(snapshot, name, undefined));
    const { exit, codes } = await judge(storage, repository.publicKey, seen);
    expect({ exit, codes }).toEqual({ exit: 22, codes: ['TAKEN_BACK'] });
  });

  it('NB-12: a restore makes a safety backup and brings the old content back; both are listed, the newest first', async () => {
    const place = await makePlace();
    const built = buildNodyn(place.source);
    const { id } = await place.backup();
    const before = describeSystem(built);
    writeFileSync(join(built.root, 'config.json'), '{}');
    const { safetyBackup } = await place.json<{ safetyBackup: string }>(
      0,
      'restore',
      id,
      '--in-place',
      place.source,
    );
    expect(describeSystem(built)).toEqual(before);
    const { backups } = await place.json<{ backups: { id: string; purpose: string }[] }>(0, 'list');
    expect(backups.map((each) => [each.id, each.purpose])).toEqual([
      [safetyBackup, 'safety'],
      [id, 'ordinary'],
    ]);
    await place.nbak(0, 'restore', safetyBackup, '--target', place.path('safety'));
    expect(readFileSync(join(place.path('safety'), 'config.json'), 'utf8')).toBe('{}');
  });

  it('NB-13: what is stored hides content, and gives it back', async () => {
    const { built, repository, restore } = await backedUp(buildNodyn);
    const everything = Buffer.concat([...(await snapshotOf(repository.storage)).values()]);
    for (const path of built.kept) {
      const content = readFileSync(join(built.root, path));
      if (content.length > 0) expect(everything.includes(content), path).toBe(false);
    }
    expect(describeSystem({ ...built, root: await restore() })).toEqual(describeSystem(built));
  });

  it('NB-14: without a key, with another one, or with a damaged file a restore changes nothing that is live', async () => {
    const { built, repository } = await backedUp(buildLynox);
    writeFileSync(join(built.root, 'config.json'), '{"newer":true}');
    const before = describeTree(built.root);
    const wrong = new Uint8Array(32).fill(8);
    await expect(openWithVaultKey(repository.storage, nodeCrypto, wrong)).rejects.toMatchObject({
      code: 'KEY_WRONG',
    });
    const { swapped, failed } = await restoreOverNewest(await damaged(repository, 400), built.root);
    expect({ swapped, codes: failed.map(({ code }) => code).includes('OBJECT_CORRUPT') }).toEqual({
      swapped: false,
      codes: true,
    });
    expect(describeTree(built.root)).toEqual(before);
    const place = await makePlace();
    const args = ['restore', 'latest', '--in-place', built.root, '-r', place.repository, '--json'];
    const outcome = await place.run(args);
    expect(outcome.exit).toBe(12);
    expect(parseLine<ErrorJson>(outcome).error.code).toBe('KEY_MISSING');
  });

  it('NB-15: a failure while files are staged leaves every live file, and nothing that was staged', async () => {
    const { built, repository, directory } = await backedUp((root) => {
      const nodyn = buildNodyn(root);
      writeFileSync(join(root, 'memory/last.bin'), randomLike(400_000, 94));
      return nodyn;
    });
    writeFileSync(join(built.root, 'memory/last.bin'), 'newer');
    const before = describeTree(built.root);
    // The large file is in the last frames of its pack: others are staged by then.
    const { swapped, failed } = await restoreOverNewest(await damaged(repository, 300_000), built.root);
    expect({ swapped, failed: failed.length }).toEqual({ swapped: false, failed: 1 });
    expect(describeTree(built.root)).toEqual(before);
    expect(readdirSync(directory)).toEqual(['state']);
  });

  it('NB-16: a link in a directory is stored as a link and never followed, also where it leads nowhere', async () => {
    const { built, restore } = await backedUp((root) => {
      const lynox = buildLynox(root);
      symlinkSync('/etc/hostname', join(root, 'workspace/outside'));
      symlinkSync('nowhere', join(root, 'workspace/dangling'));
      return lynox;
    });
    const target = await restore();
    expect(describeSystem({ ...built, root: target })).toEqual(describeSystem(built));
  });

  it('NB-17: the ledger survives backup and restore, and the application can still read every entry', async () => {
    const { built, restore } = await backedUp(buildLynox);
    const cipher = new ColumnCipher('lynox', 'engine', built.vaultKey);
    withCopy(join(await restore(), 'engine.db'), (db) => {
      const entries = db.prepare('SELECT entry FROM ledger ORDER BY id').pluck().all() as string[];
      expect(entries.map((entry) => cipher.open(entry))).toEqual(
        Array.from({ length: built.ledgerRows }, (_, n) => `merged subject ${n}`),
      );
      db.prepare('INSERT INTO ledger (entry) VALUES (?)').run(cipher.seal('one more'));
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    });
  });

  it('an application that has a database open is noticed before anything is touched', async () => {
    const { built, repository } = await backedUp(buildNodyn);
    const before = describeSystem(built, (path) => path === 'history.db');
    await startWriter('hold', join(built.root, 'history.db'));
    const restoring = restoreOverNewest(repository, built.root);
    await expect(restoring).rejects.toMatchObject({ code: 'TARGET_IN_USE' });
    expect(describeSystem(built, (path) => path === 'history.db')).toEqual(before);
  });
});

/** What somebody with the storage alone can do; each is one change. */
function* manipulated(snapshot: Snapshot): Generator<readonly [string, Snapshot]> {
  for (const kind of ['packs/', 'pages/', 'manifests/']) {
    const objects = objectsUnder(snapshot, kind);
    const [[one, oneBytes], [two, twoBytes]] = [objects[0], objects[1]] as [
      (typeof objects)[number],
      (typeof objects)[number],
    ];
    yield [`${kind} dropped`, withObject(snapshot, one, undefined)];
    yield [`${kind} swapped`, withObject(withObject(snapshot, one, twoBytes), two, oneBytes)];
    yield [`${kind} in the clear`, withObject(snapshot, one, Buffer.from('SQLite format 3\0'))];
  }
}

/** Makes every later write of an object into the repository fail, for root too. */
function blockWrites({ repository }: Place): void {
  rmSync(join(repository, 'tmp'), { recursive: true });
  writeFileSync(join(repository, 'tmp'), '');
}
