/** nodyn and lynox: what their own backups lost, tore or left in the clear when they were made (N-numbers). */

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { readBackups, readDetail } from '#nbak/repository/manifests.js';
import { openWithPublicKey, openWithVaultKey } from '#nbak/repository/open.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import { startWriter } from '../capture/support/processes.js';
import { signalled } from '../support/caught-run.js';
import { makePlace, parseLine, type ErrorJson } from '../support/cli.js';
import { judge, judgeDecrypted, restoreBackup, runBackup } from '../support/engine-run.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { snapshotOf, totalBytes } from '../support/snapshots.js';
import { withCopy } from '../support/systems/databases.js';
import { buildLynox } from '../support/systems/lynox.js';
import { ColumnCipher, LYNOX_VAULT_KEY, openVaultValue } from '../support/systems/lynox-secrets.js';
import { buildNodyn, taskOf } from '../support/systems/nodyn.js';
import { backedUp, describeSystem, testDirectory } from '../support/systems/scene.js';
import { emptyRepository, KEY_BYTES } from '../support/tiny-repository.js';
import { allBytes, randomLike } from '../support/tree.js';

describe('nodyn and lynox, backed up', () => {
  it.each(['file', 'directory'] as const)(
    'N-01: the knowledge graph is in the backup, also where it is a %s',
    async (graph) => {
      const { built, restore } = await backedUp((root) => buildNodyn(root, graph));
      const target = await restore();
      for (const path of built.graph)
        expect(readFileSync(join(target, path)).equals(readFileSync(join(built.root, path))), path).toBe(
          true,
        );
    },
  );

  it('N-04: a backup that holds databases verifies, with the public key alone and opened', async () => {
    const { repository, result } = await backedUp(buildNodyn);
    expect(result.databases).toBe(3);
    expect(await judge(repository.storage, repository.publicKey)).toMatchObject({ ok: true });
    expect(await judgeDecrypted(repository.storage, KEY_BYTES)).toMatchObject({ ok: true });
  });

  it('N-08: an empty vault key is no vault key: neither a repository nor a backup is made with it', async () => {
    const place = await makePlace({ init: false });
    const env = { NBAK_VAULT_KEY: '' };
    const init = await place.run(['init', '-r', place.repository, '--json'], { env });
    expect(init.exit).toBe(12);
    expect(parseLine<ErrorJson>(init).error.code).toBe('KEY_MISSING');
    expect(existsSync(place.repository)).toBe(false);
  });

  it('N-09: without a vault key there is no backup, never one in the clear', async () => {
    const place = await makePlace();
    buildNodyn(place.source);
    const before = readdirSync(place.repository, { recursive: true });
    const outcome = await place.run(['backup', place.source, '-r', place.repository, '--json']);
    expect(outcome.exit).toBe(12);
    expect(parseLine<ErrorJson>(outcome).error.code).toBe('KEY_MISSING');
    expect(readdirSync(place.repository, { recursive: true })).toEqual(before);
  });

  it('N-10: a backup that is killed leaves nothing in the clear', async () => {
    const place = await makePlace();
    const { oneSecret, vaultKey } = buildLynox(place.source);
    const key = ['--vault-key-file', place.keyFile];
    const written = (): number =>
      totalSize(join(place.repository, 'tmp')) + totalSize(join(place.repository, 'packs'));
    let seed = 90;
    const outcome = await signalled('SIGKILL', () => {
      // Enough work to be killed in.
      writeFileSync(join(place.source, 'workspace/video.bin'), randomLike(24_000_000, (seed += 1)));
      const before = written();
      const run = place.start(['backup', place.source, '-r', place.repository, ...key]);
      return { run, isThere: () => written() > before };
    });
    expect(outcome).toMatchObject({ exit: 137 });
    for (const directory of [place.repository, place.temporary, place.cache]) {
      const bytes = allBytes(directory);
      for (const text of [vaultKey, oneSecret.name, 'not-a-real', 'Invoices go out', 'SQLite format 3'])
        expect(
          directory === place.cache && text.startsWith('SQLite') ? false : bytes.includes(text),
          text,
        ).toBe(false);
    }
    await place.verify(0);
  });

  it('N-11: files over 2 GiB are backed up and restored like others', async ({ skip }) => {
    skip(process.env['SLOW'] !== '1', 'reads and writes 2 GiB: SLOW=1');
    const place = await makePlace();
    buildLynox(place.source);
    const [video, size] = [join(place.source, 'workspace/video.bin'), 2 ** 31 + 4096];
    writeFileSync(video, randomLike(4_000_000, 92));
    truncateSync(video, size);
    await place.backup();
    const { target } = await place.restore(0);
    expect(execFileSync('cmp', [video, join(target, 'workspace/video.bin')]).length).toBe(0);
    expect(statSync(join(target, 'workspace/video.bin')).size).toBe(size);
  });

  it('N-12: the event loop turns while a backup runs, even in one thread', async () => {
    const directory = testDirectory();
    const built = buildNodyn(join(directory, 'state'));
    const { unlocked } = await emptyRepository();
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns += 1;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const { filesTotal } = await runBackup(unlocked, [built.root]);
    running = false;
    expect(turns).toBeGreaterThan(filesTotal);
  });

  it('N-16: of databases written one after the other a backup has one moment', async () => {
    const directory = testDirectory();
    const { root } = buildNodyn(join(directory, 'state'));
    const paths = ['history.db', 'datastore.db'].map((name) => join(root, name));
    await startWriter('sequence', ...paths);
    const { unlocked, storage } = await emptyRepository();
    for (let round = 0; round < 3; round += 1) {
      const { cut } = await runBackup(unlocked, [root]);
      expect(['proven', 'locked']).toContain(cut);
      const target = join(directory, `restored-${round}`);
      await restoreBackup(storage, KEY_BYTES, { target });
      const [history, datastore] = ['history.db', 'datastore.db'].map((name) =>
        counterIn(join(target, name)),
      );
      expect([history, Number(history) - 1]).toContain(datastore);
    }
  });

  it('N-17: modes and times come back as they were, those of private files and of directories too', async () => {
    const { built, restore } = await backedUp(buildLynox);
    const target = await restore();
    expect(describeSystem({ ...built, root: target })).toEqual(describeSystem(built));
    expect(lstatSync(join(target, 'vault.db')).mode & 0o777).toBe(0o600);
    expect(lstatSync(target).mode & 0o777).toBe(0o700);
  });

  it('N-18: a second run of the same source is told that one is on its way, and no space is no backup', async () => {
    const directory = testDirectory();
    const { root } = buildNodyn(join(directory, 'state'));
    const inner = memoryStorage();
    const { unlocked } = await emptyRepository('plain', inner);
    const [one, two] = [1, 2].map(() => openCatalog(join(directory, 'cache'), unlocked.id));
    if (one === undefined || two === undefined) throw new Error('no catalogs');
    const runs = await Promise.allSettled([
      runBackup(unlocked, [root], { catalog: one }),
      runBackup(unlocked, [root], { catalog: two }),
    ]);
    expect(runs.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(runs.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'REPOSITORY_BUSY' },
    });
    one.close();
    two.close();
    const full = faultyStorage(inner, [
      {
        on: ['put', 'write', 'commit'],
        nth: 'every',
        effect: { kind: 'fail', when: 'before', code: 'STORAGE_FULL' },
      },
    ]);
    const onFull = await openWithVaultKey(full, nodeCrypto, KEY_BYTES);
    writeFileSync(join(root, 'memory/new.txt'), 'new');
    await expect(runBackup(onFull, [root])).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect((await readBackups(unlocked)).backups).toHaveLength(1);
  });

  it('N-19: a second backup stores only what has changed', async () => {
    const { built, repository, backup, result } = await backedUp(buildNodyn);
    expect(result.bytesAdded).toBeGreaterThan(50_000);
    const before = totalBytes(await snapshotOf(repository.storage));
    writeFileSync(join(built.root, 'memory/global/knowledge.txt'), 'The office closes at seven.\n');
    const second = await backup();
    expect(second.filesTotal).toBe(result.filesTotal);
    expect(second.bytesAdded).toBeLessThan(20_000);
    expect(totalBytes(await snapshotOf(repository.storage)) - before).toBe(second.bytesAdded);
  });

  it('N-20: after the application changed its key an old backup is of one key throughout; another of nbak’s is named', async () => {
    const { built, repository, restore } = await backedUp(buildNodyn);
    const vault = new Database(join(built.root, 'vault.db'));
    vault.prepare('UPDATE vault_secrets SET encrypted_value = ?').run('under another key');
    vault.close();
    const target = await restore();
    withCopy(join(target, 'vault.db'), (db) =>
      expect(openVaultValue(db, built.oneSecret.name)).toBe(built.oneSecret.value),
    );
    withCopy(join(target, 'history.db'), (db) => {
      const task = db.prepare("SELECT task_text FROM runs WHERE id = 'run-3'").pluck().get() as string;
      expect(new ColumnCipher('nodyn', 'history', built.vaultKey).open(task)).toBe(taskOf(3));
    });
    const other = new Uint8Array(32).fill(8);
    const opening = openWithVaultKey(repository.storage, nodeCrypto, other);
    await expect(opening).rejects.toMatchObject({ code: 'KEY_WRONG' });
  });

  it('N-24: a backup says which schema each database has', async () => {
    const scene = await backedUp((root) => {
      const built = buildNodyn(root);
      const history = new Database(join(root, 'history.db'));
      history.pragma('user_version = 17');
      history.close();
      return built;
    });
    expect((await scene.entries()).get('history.db')?.entry.extra.database).toMatchObject({
      userVersion: 17,
    });
  });

  it('N-25: a backup that fails, at whatever write, is not listed; the one before it is', async () => {
    const directory = testDirectory();
    const { root } = buildNodyn(join(directory, 'state'));
    const inner = memoryStorage();
    const { unlocked } = await emptyRepository('plain', inner);
    const { id } = await runBackup(unlocked, [root]);
    for (const prefix of ['packs/', 'index/', 'pages/', 'manifests/']) {
      writeFileSync(join(root, 'memory/new.txt'), prefix);
      const faults = [
        { on: ['put', 'commit'], prefix, nth: 'every', effect: { kind: 'fail', when: 'before' } },
      ] as const;
      const failing = await openWithVaultKey(faultyStorage(inner, faults), nodeCrypto, KEY_BYTES);
      await expect(runBackup(failing, [root]), prefix).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect((await readBackups(unlocked)).backups.map((each) => each.id)).toEqual([id]);
    }
  });

  it('N-26: with sealed names neither names nor the home directory are in the repository', async () => {
    const { built, repository } = await backedUp(buildNodyn, { names: 'sealed' });
    const anybody = await openWithPublicKey(repository.storage, nodeCrypto, repository.publicKey);
    const { backups } = await readBackups(anybody);
    expect(backups).toHaveLength(1);
    for (const { manifest } of backups) expect(await readDetail(manifest)).toBeUndefined();
    const everything = Buffer.concat([...(await snapshotOf(repository.storage)).values()]);
    for (const text of [built.root, 'history.db', 'knowledge-graph', LYNOX_VAULT_KEY])
      expect(everything.includes(text), text).toBe(false);
    // The same search finds the home directory where names are plain.
    const plain = await backedUp(buildNodyn);
    const readable = Buffer.concat([...(await snapshotOf(plain.repository.storage)).values()]);
    expect(readable.includes(plain.built.root)).toBe(true);
  });
});

function totalSize(directory: string): number {
  if (!existsSync(directory)) return 0;
  return (readdirSync(directory, { recursive: true }) as string[])
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
}

function counterIn(path: string): unknown {
  const db = new Database(path);
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    return db.prepare('SELECT n FROM counter').pluck().get();
  } finally {
    db.close();
  }
}
