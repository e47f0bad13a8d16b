/** A state of nodyn in use, and the manager that backs it up. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { onTestFinished, vi } from 'vitest';
import { BackupManager } from '#nbak/compat/backup-manager.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { judge } from './engine-run.js';

/** The directory of this package. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** As nodyn's wizard makes them. */
export const KEY = 'q0p3Yyl6Zm8yUWxLb1Z3eTdkM1VhN2h2c0x4c0pUeVpmVHNkbk5xTWdYb2I0UVdl';

/** A directory for one test. */
export function makeDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'nbak-test-manager-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A state with a database that is in use, and a manager for it. */
export function makeScene() {
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

/** Verifies with the public key alone. */
export async function judgeDirectory(backupDir: string) {
  const storage = await openLocalStorage(backupDir, { mode: 'existing' });
  const { verificationKey } = await openWithVaultKey(storage, nodeCrypto, parseVaultKey(KEY));
  return judge(storage, verificationKey);
}
