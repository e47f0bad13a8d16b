/** nodyn's library surface: the code of its page with the import changed, and what each call promises. */

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import ts from 'typescript';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BackupManager } from '#nbak/compat/backup-manager.js';
import { Opened } from '#nbak/compat/opened.js';
import type { RestoreOutcome } from '#nbak/compat/outcomes.js';
import { settingsOf } from '#nbak/compat/settings.js';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import type { BackupId } from '#nbak/format/ids.js';
import { readAppKeys } from '#nbak/repository/app-keys.js';
import { initRepository } from '#nbak/repository/init.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { olderThan } from '#nbak/retention/older-than.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { backup } from '#nbak/backup/backup.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { judge } from '../support/engine-run.js';

const DAY = 86_400_000;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** As nodyn's wizard makes them. */
const KEY = 'q0p3Yyl6Zm8yUWxLb1Z3eTdkM1VhN2h2c0x4c0pUeVpmVHNkbk5xTWdYb2I0UVdl';

/** The page's example of the library, word for word. */
const PAGE = `import { BackupManager } from '@nodyn-ai/core';
import { getNodynDir } from '@nodyn-ai/core';
const manager = new BackupManager(getNodynDir(), {
backupDir: '/path/to/backups',
retentionDays: 30,
encrypt: true,
}, process.env['NODYN_VAULT_KEY'] ?? null);
// Create
const result = await manager.createBackup();
console.log(result.success, result.path);
// List
const backups = manager.listBackups();
// Verify
const check = manager.verifyBackup(backups[0].path);
// Restore (creates safety backup first)
const restore = await manager.restoreBackup(backupPath);
// Prune
const pruned = manager.pruneBackups(30);
`;

function makeDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'nbak-test-manager-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A state with a database that is in use, and a manager for it. */
function makeScene() {
  const directory = makeDirectory();
  const state = join(directory, '.nodyn');
  const backupDir = join(state, 'backups');
  vi.stubEnv('NBAK_CACHE_DIR', join(directory, 'cache'));
  onTestFinished(() => void vi.unstubAllEnvs());
  mkdirSync(state);
  writeFileSync(join(state, 'config.json'), '{}');
  const database = new Database(join(state, 'history.db'));
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE runs (id INTEGER PRIMARY KEY, text TEXT)');
  onTestFinished(() => void database.close());
  const manager = new BackupManager(state, { backupDir, retentionDays: 30, encrypt: true }, KEY);
  const say = (text: string): unknown => database.prepare('INSERT INTO runs (text) VALUES (?)').run(text);
  return { directory, state, backupDir, database, manager, say };
}

function rowsOf(file: string): readonly unknown[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare('SELECT text FROM runs ORDER BY id').pluck().all();
  } finally {
    database.close();
  }
}

/** Backups by a clock that was so many days behind. */
async function backUpInThePast(
  backupDir: string,
  wanted: readonly { readonly source: string; readonly age: number }[],
): Promise<readonly BackupId[]> {
  const storage = await openLocalStorage(backupDir, { mode: 'existing' });
  const repository = await openWithVaultKey(storage, nodeCrypto, parseVaultKey(KEY));
  const ids: BackupId[] = [];
  for (const { source, age } of wanted) {
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - age * DAY);
    const selection = {
      sources: [source],
      // Databases are seen in a process with a clock of its own.
      exclude: ['*.db*'],
      excludeCaches: false,
      oneFileSystem: false,
      skip: [backupDir],
    };
    const { id } = await backup(repository, openCatalog(undefined, repository.id), {
      selection,
      labels: { host: 'h', tags: [], purpose: 'ordinary', writer: 't' },
      stagingDirectory: tmpdir(),
      lockWaitMs: 0,
      threads: 0,
    });
    ids.push(id);
    clock.mockRestore();
  }
  await storage.close();
  return ids;
}

async function judgeDirectory(backupDir: string) {
  const storage = await openLocalStorage(backupDir, { mode: 'existing' });
  const { verificationKey } = await openWithVaultKey(storage, nodeCrypto, parseVaultKey(KEY));
  return judge(storage, verificationKey);
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

describe('the code of nodyn’s page', () => {
  it('compiles under strict rules and runs with nothing changed but the import', () => {
    const directory = makeDirectory();
    mkdirSync(join(directory, 'node_modules/@types'), { recursive: true });
    symlinkSync(ROOT, join(directory, 'node_modules/nbak'));
    symlinkSync(join(ROOT, 'node_modules/@types/node'), join(directory, 'node_modules/@types/node'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    mkdirSync(join(directory, '.nodyn'));
    writeFileSync(join(directory, '.nodyn/config.json'), '{}');
    // The two places that the page leaves to its reader, and what the values came to.
    const code = PAGE.replaceAll('@nodyn-ai/core', 'nbak')
      .replace('/path/to/backups', join(directory, 'backups'))
      .replace('restoreBackup(backupPath)', 'restoreBackup(result.path)');
    writeFileSync(
      join(directory, 'page.ts'),
      `${code}console.log(JSON.stringify([backups.length, check, restore.success, pruned]));\n`,
    );
    const program = ts.createProgram([join(directory, 'page.ts')], {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      strict: true,
      skipLibCheck: true,
      typeRoots: [join(directory, 'node_modules/@types')],
      types: ['node'],
    });
    const { diagnostics } = program.emit();
    const complaints = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
    expect(complaints.map(({ messageText }) => messageText)).toEqual([]);
    const { stdout, stderr } = spawnSync(process.execPath, [join(directory, 'page.js')], {
      encoding: 'utf8',
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory, NODYN_VAULT_KEY: KEY },
    });
    expect(stderr).toBe('');
    const [created = '', values = ''] = stdout.split('\n');
    expect(created).toMatch(new RegExp(`^true ${join(directory, 'backups/manifests')}/[0-9a-f]{64}$`));
    expect(JSON.parse(values)).toEqual([1, { valid: true, errors: [], files_checked: 1 }, true, 0]);
  });
});

describe('BackupManager', () => {
  it('refuses to go without encryption and without a key, by an error of its own', () => {
    const make = (encrypt: boolean, key: string | null): BackupManager =>
      new BackupManager('/state', { backupDir: '/backups', encrypt }, key);
    const refusal = { code: 'ENCRYPTION_REQUIRED' };
    for (const [encrypt, key] of [
      [false, KEY],
      [true, null],
      [true, ''],
      [false, null],
    ] as const)
      expect(() => make(encrypt, key)).toThrow(expect.objectContaining(refusal) as Error);
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

describe('pruneBackups', () => {
  it('forgets what is older than so many days with signed tombstones, the newest never', async () => {
    const { directory, state, backupDir, manager } = makeScene();
    const other = join(directory, 'other');
    mkdirSync(other);
    await manager.createBackup();
    const [old, older, foreign] = await backUpInThePast(backupDir, [
      { source: state, age: 31 },
      { source: state, age: 40 },
      { source: other, age: 50 },
    ]);
    const paths = (): readonly string[] => manager.listBackups().map(({ backup_id }) => backup_id);
    expect(manager.pruneBackups(0)).toBe(0);
    expect(manager.pruneBackups(35)).toBe(1);
    expect(paths().slice(1)).toEqual([old, foreign]);
    expect(paths()).not.toContain(older);
    // 30 days where nothing is said; a second time there is nothing left to do.
    expect([manager.pruneBackups(), manager.pruneBackups()]).toEqual([1, 0]);
    expect(paths()).toHaveLength(2);
    expect(await judgeDirectory(backupDir)).toMatchObject({ ok: true });
    // However old it is.
    expect(new BackupManager(other, { backupDir }, KEY).pruneBackups(1)).toBe(0);
  });

  const NOW = Date.UTC(2026, 2, 25, 12);
  const aged = (...days: readonly number[]) =>
    days.map((age, i) => ({
      id: String(i).repeat(64) as BackupId,
      manifest: { time: NOW - age * DAY, sequence: i + 1, parents: [] },
    }));
  const agesOf = (days: number, ...ages: readonly number[]): readonly number[] =>
    olderThan(aged(...ages), days, NOW).map((id) => ages[Number(id[0])] ?? NaN);

  it('takes calendar days, in any order, and 0 for never', () => {
    expect(agesOf(30, 1, 29, 31, 400)).toEqual([31, 400]);
    expect(agesOf(30, 400, 31, 1)).toEqual([31, 400]);
    expect(agesOf(30, 31, 400)).toEqual([400]);
    expect(agesOf(30, 400)).toEqual([]);
    expect(agesOf(0, 1, 400)).toEqual([]);
    expect(agesOf(-1, 1, 400)).toEqual([]);
    expect(() => agesOf(NaN, 1)).toThrow(RangeError);
  });
});
