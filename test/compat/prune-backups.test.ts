/** nodyn's rule for what is dropped: older than so many days, the newest never. */

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BackupManager } from '#nbak/compat/backup-manager.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import type { BackupId } from '#nbak/format/ids.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { olderThan } from '#nbak/retention/older-than.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { backup } from '#nbak/backup/backup.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { judgeDirectory, KEY, makeScene } from '../support/manager-scene.js';

const DAY = 86_400_000;

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
