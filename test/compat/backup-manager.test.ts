/** nodyn's library surface: what each call promises. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BackupManager } from '#nbak/compat/backup-manager.js';
import { Opened } from '#nbak/compat/opened.js';
import type { RestoreOutcome } from '#nbak/compat/outcomes.js';
import { settingsOf } from '#nbak/compat/settings.js';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { readAppKeys } from '#nbak/repository/app-keys.js';
import { initRepository } from '#nbak/repository/init.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { judgeDirectory, KEY, makeDirectory, makeScene, ROOT } from '../support/manager-scene.js';

function rowsOf(file: string): readonly unknown[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare('SELECT text FROM runs ORDER BY id').pluck().all();
  } finally {
    database.close();
  }
}

/** Restores where nothing is yet. */
function restoredTo(directory: string, backupDir: string, path: string): Promise<RestoreOutcome> {
  return new BackupManager(directory, { backupDir }, KEY).restoreBackup(path);
}

/** The texts of the app keys in a backup's blobs of that kind. */
async function carriedKeys(backupDir: string, path: string): Promise<readonly string[]> {
  await using opened = await Opened.existing(settingsOf('/', { backupDir }, KEY));
  const source = await opened.backup(path);
  const keys = await readAppKeys(source.backup, source.detail, source.blobs);
  return keys.flatMap(({ text }) => text ?? []);
}

describe('BackupManager', () => {
  it('refuses to go without encryption and without a key, by an error of its own', () => {
    const make = (encrypt: boolean, key: string | null | undefined): BackupManager =>
      new BackupManager('/state', { backupDir: '/backups', encrypt }, key as string | null);
    const refusal = { code: 'ENCRYPTION_REQUIRED' };
    for (const [encrypt, key] of [
      [false, KEY],
      [true, null],
      [true, ''],
      [true, undefined],
      [false, null],
    ] as const)
      expect(() => make(encrypt, key)).toThrow(expect.objectContaining(refusal) as Error);
  });

  it('says so where no process can be started for the work', () => {
    const manager = new BackupManager('/state', { backupDir: '/backups' }, KEY);
    const { execPath } = process;
    onTestFinished(() => {
      process.execPath = execPath;
    });
    process.execPath = '/gone/with/an/update/node';
    const refusal = {
      name: 'NbakError',
      code: 'INTERNAL',
      message: expect.stringContaining('ENOENT') as string,
    };
    expect(() => manager.listBackups()).toThrow(expect.objectContaining(refusal) as Error);
    expect(manager.verifyBackup('any')).toMatchObject({
      valid: false,
      errors: [expect.stringContaining('ENOENT')],
    });
  });

  it('backs up beside an open database, and keeps the transaction that is open in the same process', async () => {
    const { state, manager, database, say } = makeScene();
    // Without a WAL its locks are on the file itself.
    database.pragma('journal_mode = DELETE');
    say('committed');
    database.exec('BEGIN IMMEDIATE');
    say('not yet');
    const result = await manager.createBackup();
    expect(result).toMatchObject({
      success: true,
      manifest: { nodyn_dir: state, encrypted: true, file_count: 2 },
    });
    // Another process still finds it locked.
    const script = `new (require('better-sqlite3'))('${join(state, 'history.db')}', { timeout: 0 }).exec('BEGIN IMMEDIATE')`;
    const { stderr } = spawnSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
    expect(stderr).toContain('SQLITE_BUSY');
    database.exec('COMMIT');
    expect(manager.verifyBackup(result.path)).toEqual({ valid: true, errors: [], files_checked: 2 });
  });

  it('leaves out, by name, what holds the vault key in use, and what the profile calls derivable', async () => {
    const { directory, state, backupDir, manager } = makeScene();
    writeFileSync(join(state, 'vault.key'), `${KEY}\n`);
    writeFileSync(join(state, '.env'), `PORT=1\nNODYN_VAULT_KEY=${KEY}\n`);
    mkdirSync(join(state, 'plugins'));
    writeFileSync(join(state, 'plugins/p.js'), 'x');
    const { success, path, left_out: leftOut = [] } = await manager.createBackup();
    expect(success).toBe(true);
    expect(leftOut.map((text) => text.slice(0, text.indexOf(':')))).toEqual(
      expect.arrayContaining([join(state, 'vault.key'), join(state, '.env')]),
    );
    expect(leftOut).toHaveLength(2);
    const away = join(directory, 'away');
    expect(await restoredTo(away, backupDir, path)).toMatchObject({ success: true });
    expect(readdirSync(away).sort()).toEqual(['config.json', 'history.db']);
    // In place it is not taken away either.
    expect(await manager.restoreBackup(path)).toMatchObject({ success: true });
    expect(readFileSync(join(state, 'vault.key'), 'utf8')).toBe(`${KEY}\n`);
    expect(readFileSync(join(state, 'plugins/p.js'), 'utf8')).toBe('x');
  });

  it('seals the app keys of an application apart, and carries a vault key that is another one', async () => {
    const directory = makeDirectory();
    vi.stubEnv('NBAK_CACHE_DIR', join(directory, 'cache'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const data = join(directory, 'data');
    const backupDir = join(directory, 'backups');
    mkdirSync(data);
    const key = newAppKeyText(nodeCrypto);
    writeFileSync(join(data, '.app_key'), key);
    writeFileSync(join(data, 'auth.json'), '{}');
    writeFileSync(join(data, 'settings.json'), '{}');
    writeFileSync(join(data, 'vault.key'), 'b'.repeat(64));
    const manager = new BackupManager(data, { backupDir }, KEY);
    const { path, left_out: leftOut } = await manager.createBackup();
    expect(leftOut).toEqual([]);
    expect(await carriedKeys(backupDir, path)).toEqual([key]);
    const away = join(directory, 'away');
    expect(await restoredTo(away, backupDir, path)).toMatchObject({ success: true });
    expect(readFileSync(join(away, '.app_key'), 'utf8')).toBe(key);
    expect(readFileSync(join(away, 'vault.key'), 'utf8')).toBe('b'.repeat(64));
  });

  it('lists nothing before the first backup, then newest first, each with a path that every call takes', async () => {
    const { manager, backupDir, say } = makeScene();
    expect(manager.listBackups()).toEqual([]);
    expect(manager.pruneBackups(1)).toBe(0);
    const first = await manager.createBackup();
    say('more');
    const second = await manager.createBackup();
    const entries = manager.listBackups();
    expect(entries.map(({ path }) => path)).toEqual([second.path, first.path]);
    expect(entries[0]).toEqual(second.manifest);
    for (const { path, backup_id } of entries) {
      expect(existsSync(path)).toBe(true);
      expect(manager.verifyBackup(backup_id)).toMatchObject({ valid: true });
    }
    expect(await judgeDirectory(backupDir)).toMatchObject({ ok: true });
  });

  it('works in a repository with sealed names, which it can read', async () => {
    const { manager, state, backupDir } = makeScene();
    const storage = await openLocalStorage(backupDir, { mode: 'create' });
    const keyBytes = parseVaultKey(KEY);
    await initRepository(storage, nodeCrypto, { keyBytes, names: 'sealed', now: Date.now() });
    await storage.close();
    const { path } = await manager.createBackup();
    expect(manager.listBackups()).toMatchObject([{ path, nodyn_dir: state }]);
  });

  it('restores a working database over the one that is there, after a safety backup, and leaves the backups alone', async () => {
    const { state, manager, database, say } = makeScene();
    say('before');
    const { path } = await manager.createBackup();
    say('after');
    writeFileSync(join(state, 'config.json'), '{"changed":true}');
    const restored = await manager.restoreBackup(path);
    database.close();
    expect(restored).toMatchObject({ success: true, files_restored: 2 });
    expect(rowsOf(join(state, 'history.db'))).toEqual(['before']);
    expect(readFileSync(join(state, 'config.json'), 'utf8')).toBe('{}');
    const [safety] = manager.listBackups();
    expect(safety).toMatchObject({ path: restored.pre_restore_backup_path, purpose: 'safety' });
    // And back again.
    expect(await manager.restoreBackup(restored.pre_restore_backup_path)).toMatchObject({ success: true });
    expect(rowsOf(join(state, 'history.db'))).toEqual(['before', 'after']);
  });

  it('restores where the directory is lost, with nothing to back up first', async () => {
    const { directory, state, manager } = makeScene();
    const backupDir = join(directory, 'elsewhere');
    const away = new BackupManager(state, { backupDir }, KEY);
    const { path } = await away.createBackup();
    rmSync(state, { recursive: true });
    expect(await away.restoreBackup(path)).toMatchObject({ success: true, pre_restore_backup_path: '' });
    expect(statSync(join(state, 'history.db')).size).toBeGreaterThan(0);
    expect(manager.listBackups()).toEqual([]);
  });

  it('tells failures in the result: a guessable key, a wrong key, foreign files in the way, an unknown backup', async () => {
    const { state, backupDir, manager } = makeScene();
    const withKey = (key: string): BackupManager => new BackupManager(state, { backupDir }, key);
    expect(await withKey('password1').createBackup()).toMatchObject({
      success: false,
      path: '',
      code: 'KEY_GUESSABLE',
    });
    const { path } = await manager.createBackup();
    expect(await withKey(`${KEY}x`).createBackup()).toMatchObject({ success: false, code: 'KEY_WRONG' });
    expect(withKey(`${KEY}x`).verifyBackup(path)).toMatchObject({ valid: false, files_checked: 0 });
    expect(() => withKey(`${KEY}x`).listBackups()).toThrow(
      expect.objectContaining({ code: 'KEY_WRONG' }) as Error,
    );
    expect(await manager.restoreBackup('20260325T030000Z')).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    // What nodyn itself left: its directories are no repository.
    const old = join(state, 'old');
    mkdirSync(join(old, '2026-03-25T03000012Z'), { recursive: true });
    const beside = new BackupManager(state, { backupDir: old }, KEY);
    expect(await beside.createBackup()).toMatchObject({ success: false, code: 'TARGET_NOT_EMPTY' });
    expect(beside.listBackups()).toEqual([]);
  });

  it('names what is damaged, and keeps a manifest that cannot be read in the list', async () => {
    const { backupDir, manager } = makeScene();
    const { path } = await manager.createBackup();
    const packs = join(backupDir, 'packs');
    const [pack = ''] = readdirSync(packs, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.length > 60,
    );
    const bytes = readFileSync(join(packs, pack));
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    writeFileSync(join(packs, pack), bytes);
    const { valid, errors } = manager.verifyBackup(path);
    expect(valid).toBe(false);
    expect(errors.join('\n')).toMatch(/^Damaged: /m);
    const manifest = readFileSync(path);
    writeFileSync(path, manifest.subarray(1));
    expect(manager.listBackups()).toMatchObject([{ path, error: /corrupt/ }]);
    expect(() => manager.pruneBackups(1)).toThrow(
      expect.objectContaining({ code: 'OBJECT_CORRUPT' }) as Error,
    );
  });
});
