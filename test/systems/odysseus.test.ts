/** Odysseus: what its own backups exposed, tore or forgot (O-numbers, and behaviours of its tests). */

import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { readBackups } from '#nbak/repository/manifests.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import { runWriter, startWriter } from '../capture/support/processes.js';
import { makePlace, type ErrorJson } from '../support/cli.js';
import { judge, judgeDecrypted, restoreBackup, runBackup } from '../support/engine-run.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { objectsUnder, snapshotOf, storageWith, withObject } from '../support/snapshots.js';
import { contentOf, withCopy } from '../support/systems/databases.js';
import { buildOdysseus } from '../support/systems/odysseus.js';
import { openToken, TOKEN_OF_THE_SPECIFICATION } from '../support/systems/odysseus-tokens.js';
import {
  backedUp,
  damaged,
  describeSystem,
  restoreOverNewest,
  testDirectory,
} from '../support/systems/scene.js';
import { emptyRepository, KEY_BYTES } from '../support/tiny-repository.js';
import { describeTree } from '../support/tree.js';

describe('Odysseus, backed up', () => {
  it('O-01: neither the Fernet keys nor what they seal can be found in the repository', async () => {
    const { built, repository } = await backedUp(buildOdysseus);
    const everything = Buffer.concat([...(await snapshotOf(repository.storage)).values()]);
    const raw = [built.appKey, built.oldKey].map((text) => Buffer.from(text, 'base64url'));
    for (const secret of [built.appKey, built.oldKey, 'enc:gAAAA', TOKEN_OF_THE_SPECIFICATION, ...raw])
      expect(everything.includes(secret)).toBe(false);
  });

  it('O-02: no log and no journal lies beside a restored database, neither left over nor hot', async () => {
    const { built, restore } = await backedUp((root) => {
      const odysseus = buildOdysseus(root);
      // A fork in WAL mode, and a crash in the middle of a transaction.
      runWriter('leave-wal', join(root, 'email_cache.db'));
      runWriter('leave-journal', join(root, 'scheduled_emails.db'));
      return odysseus;
    });
    expect(existsSync(join(built.root, 'scheduled_emails.db-journal'))).toBe(true);
    const target = await restore();
    const names = readdirSync(target, { recursive: true }) as string[];
    expect(names.filter((name) => /-(wal|shm|journal)$/.test(name))).toEqual([]);
    for (const { path } of built.databases)
      expect(contentOf(join(target, path)), path).toEqual(contentOf(join(built.root, path)));
    withCopy(join(target, 'scheduled_emails.db'), (db) => {
      expect(db.prepare("SELECT count(*) FROM items WHERE body = 'HALF-DONE'").pluck().get()).toBe(0);
    });
  });

  it('O-03: chroma.sqlite3 is captured as the database it is, while it is written', async () => {
    const directory = testDirectory();
    const root = join(directory, 'state');
    buildOdysseus(root);
    const chroma = join(root, 'chroma/chroma.sqlite3');
    await startWriter('transfer', 'delete', chroma);
    const { restore, entries, result } = await backedUpAt(root, directory);
    expect(result).toMatchObject({ databases: 4, torn: [], damaged: [] });
    expect((await entries()).get('chroma/chroma.sqlite3')?.entry.extra.database).toMatchObject({
      check: 'ok',
    });
    withCopy(join(await restore(), 'chroma/chroma.sqlite3'), (db) => {
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      // Moved between rows all the time: any state that was committed has this sum.
      expect(db.prepare('SELECT sum(n) FROM items').pluck().get()).toBe(0);
    });
  });

  it('O-04: a database that stays locked is named and left out, never copied as a file', async () => {
    const directory = testDirectory();
    const root = join(directory, 'state');
    buildOdysseus(root);
    await startWriter('lock', 'exclusive', join(root, 'email_cache.db'));
    const { result, entries } = await backedUpAt(root, directory);
    expect(result.unreadable.map(({ path, code }) => ({ path, code }))).toEqual([
      { path: 'state/email_cache.db', code: 'DATABASE_LOCKED' },
    ]);
    expect((await entries()).has('email_cache.db')).toBe(false);
  });

  it('O-08: a backup with content, databases or a manifest changed does not verify', async () => {
    const { repository } = await backedUp(buildOdysseus);
    expect(await judgeDecrypted(repository.storage, KEY_BYTES)).toMatchObject({ ok: true });
    const snapshot = await snapshotOf(repository.storage);
    for (const kind of ['packs/', 'pages/', 'manifests/']) {
      const [name, bytes] = objectsUnder(snapshot, kind)[0] ?? ['' as never, new Uint8Array()];
      const shorter = await storageWith(withObject(snapshot, name, bytes.subarray(0, -1)));
      expect(await judge(shorter, repository.publicKey), kind).toMatchObject({ ok: false });
    }
  });

  it('O-09: an interrupted backup is not listed, and the next one is good', async () => {
    const directory = testDirectory();
    const root = join(directory, 'state');
    buildOdysseus(root);
    const inner = memoryStorage();
    const { unlocked, publicKey } = await emptyRepository('plain', inner);
    const crash = { prefix: 'pages/', nth: 1, effect: { kind: 'crash', when: 'after' } } as const;
    const crashing = await openWithVaultKey(faultyStorage(inner, [crash]), nodeCrypto, KEY_BYTES);
    await expect(runBackup(crashing, [root])).rejects.toThrow();
    expect((await readBackups(unlocked)).backups).toEqual([]);
    await runBackup(unlocked, [root]);
    expect((await readBackups(unlocked)).backups).toHaveLength(1);
    expect(await judge(inner, publicKey)).toMatchObject({ ok: true });
  });

  it('O-11: chats, documents, mail, uploads, calendar and users come back, all of them and as they were', async () => {
    const { built, restore } = await backedUp(buildOdysseus);
    const target = await restore();
    expect(describeSystem({ ...built, root: target })).toEqual(describeSystem(built));
    withCopy(join(target, 'app.db'), (db) => {
      const found = db.prepare(
        "SELECT message_id FROM chat_messages_fts WHERE chat_messages_fts MATCH 'message7'",
      );
      expect(found.pluck().all()).toEqual(['m7']);
      expect(db.prepare('SELECT count(*) FROM chat_messages').pluck().get()).toBe(built.messages);
    });
  });

  it('O-15: the older store of API keys opens after a restore with the key that came back with it', async () => {
    const { restore } = await backedUp(buildOdysseus);
    const target = await restore();
    const key = readFileSync(join(target, '.key'), 'utf8');
    const stored = JSON.parse(readFileSync(join(target, 'api_keys.json'), 'utf8')) as Record<string, string>;
    expect(Object.entries(stored).map(([name, token]) => [name, openToken(key, token)])).toEqual([
      ['openai', 'hello'],
    ]);
  });
});

describe('Odysseus, restored', () => {
  it('O-07: modes come back; a restore that cannot be finished or meets the running application changes nothing', async () => {
    const { built, repository, restore } = await backedUp(buildOdysseus);
    const target = await restore();
    for (const path of ['.app_key', '.key', 'integrations.json'])
      expect(lstatSync(join(target, path)).mode & 0o777, path).toBe(0o600);
    writeFileSync(join(built.root, 'memory.json'), '[]');
    const running = await startWriter('lock', 'exclusive', join(built.root, 'email_cache.db'));
    const before = describeTree(built.root);
    const restoring = restoreOverNewest(repository, built.root);
    await expect(restoring).rejects.toMatchObject({ code: 'TARGET_IN_USE' });
    expect(describeTree(built.root)).toEqual(before);
    await running.kill();
    const { swapped } = await restoreOverNewest(await damaged(repository, 600), built.root);
    expect(swapped).toBe(false);
    expect(describeTree(built.root)).toEqual(before);
  });

  it('OB-02: a restore in place replaces the tree: a file made since is gone, and kept where it says', async () => {
    const { built, restoreInPlace } = await backedUp(buildOdysseus);
    const before = describeSystem(built);
    writeFileSync(join(built.root, 'uploads/since.pdf'), 'since');
    const { moved } = await restoreInPlace();
    expect(describeSystem(built)).toEqual(before);
    expect(readFileSync(join(moved[0] ?? '', 'uploads/since.pdf'), 'utf8')).toBe('since');
  });

  it('OB-03: a repository that lies inside the data directory is not backed up into itself', async () => {
    const place = await makePlace({ init: false });
    buildOdysseus(place.source);
    const repository = join(place.source, 'backups/nbak');
    mkdirSync(join(place.source, 'backups'));
    const env = { NBAK_VAULT_KEY: place.key, NBAK_REPOSITORY: repository };
    expect(await place.run(['init'], { env })).toMatchObject({ exit: 0 });
    expect(await place.run(['backup', place.source], { env })).toMatchObject({ exit: 0 });
    const { stdout } = await place.run(['ls', 'latest', '--json'], { env });
    const { entries } = JSON.parse(stdout) as { entries: { path: string }[] };
    expect(entries.filter(({ path }) => path.startsWith('backups')).map(({ path }) => path)).toEqual([
      'backups',
    ]);
  });

  it('OB-04: files that vanish while a backup runs are no failure of the others', async () => {
    const directory = testDirectory();
    const root = join(directory, 'state');
    buildOdysseus(root);
    const { unlocked } = await emptyRepository();
    const running = runBackup(unlocked, [root]);
    rmSync(join(root, 'uploads'), { recursive: true });
    renameSync(join(root, 'memory.json'), join(root, 'memory.json.tmp'));
    const { unreadable, filesTotal } = await running;
    expect(filesTotal).toBeGreaterThan(10);
    for (const { code } of unreadable) expect(code).toBe('SOURCE_UNREADABLE');
  });

  it('OB-05: backups are listed by true time, whatever the clock shows', async () => {
    const place = await makePlace();
    buildOdysseus(place.source);
    const ids: string[] = [];
    for (const zone of ['Pacific/Auckland', 'America/New_York']) {
      const env = { NBAK_VAULT_KEY: place.key, TZ: zone };
      const { stdout } = await place.run(['backup', place.source, '-r', place.repository, '--json'], { env });
      ids.unshift((JSON.parse(stdout) as { id: string }).id);
    }
    const { backups } = await place.json<{ backups: { id: string }[] }>(0, 'list');
    expect(backups.map(({ id }) => id)).toEqual(ids);
  });

  it('OB-06: a damaged backup names what it cannot restore; nothing is restored without saying where', async () => {
    const { directory, repository } = await backedUp(buildOdysseus);
    const { storage } = await damaged(repository, 600);
    const { failed } = await restoreBackup(storage, KEY_BYTES, { target: join(directory, 'restored') });
    expect(failed.map(({ code }) => code)).toContain('OBJECT_CORRUPT');
    const place = await makePlace();
    expect((await place.json<ErrorJson>(2, 'restore', 'latest')).error.code).toBe('USAGE_INVALID');
  });

  it('OB-08: two names of one file come back as one file', async () => {
    const { built, restore } = await backedUp((root) => {
      const odysseus = buildOdysseus(root);
      linkSync(join(root, 'uploads/2026/scan.pdf'), join(root, 'uploads/2026/again.pdf'));
      return odysseus;
    });
    const target = await restore();
    expect(describeSystem({ ...built, root: target })).toEqual(describeSystem(built));
    expect(lstatSync(join(target, 'uploads/2026/again.pdf')).nlink).toBe(2);
  });
});

/** Backs up a directory that is built already, and written meanwhile. */
function backedUpAt(root: string, directory: string): ReturnType<typeof backedUp> {
  return backedUp(() => ({ root, databases: [], kept: [], secret: [], optional: [], never: [], directory }));
}
