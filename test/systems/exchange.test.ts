/** Backups that the systems made themselves, read and taken over (numbers of spec/seed-defects.md). */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { stageOdysseusArchive } from '#nbak/exchange/odysseus/archive.js';
import { StagedDirectory } from '#nbak/exchange/staged-directory.js';
import { V1Directory } from '#nbak/exchange/v1/directory.js';
import { restoreV1 } from '#nbak/exchange/v1/restore.js';
import { v1FileKey } from '#nbak/vault/v1-key.js';
import { tarGz, type Member } from '../support/tar.js';
import { makeV1Directory, V1_KEY } from '../support/v1-backup.js';
import { describeTree } from '../support/tree.js';

function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-exchange-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

describe('backups of nodyn and lynox', () => {
  it('N-07: one from before the change of name opens with the vault key that was kept', () => {
    const directory = testDirectory();
    makeV1Directory(join(directory, 'backup'), { 'config.json': '{}' }, { era: 'nodyn' });
    using backup = new V1Directory(join(directory, 'backup'));
    const target = join(directory, 'target');
    const { era } = restoreV1({ crypto: nodeCrypto, backup, vaultKey: V1_KEY }, target);
    expect(era).toBe('nodyn');
    expect(readFileSync(join(target, 'config.json'), 'utf8')).toBe('{}');
  });

  it('NB-01: keys have 32 bytes, are the same again, and differ by vault key and by era', () => {
    const keys = [
      v1FileKey(nodeCrypto, 'one', 'lynox'),
      v1FileKey(nodeCrypto, 'one', 'lynox'),
      v1FileKey(nodeCrypto, 'two', 'lynox'),
      v1FileKey(nodeCrypto, 'one', 'nodyn'),
    ].map((key) => Buffer.from(key).toString('hex'));
    expect(keys.map((key) => key.length)).toEqual([64, 64, 64, 64]);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(3);
  });

  it('NB-03: checksums are the same again, 64 hex digits, and differ by content', () => {
    const directory = testDirectory();
    const checksumsOf = (name: string, content: string): readonly string[] => {
      makeV1Directory(join(directory, name), { file: content }, { vaultKey: null });
      using backup = new V1Directory(join(directory, name));
      restoreV1({ crypto: nodeCrypto, backup, vaultKey: undefined }, join(directory, `${name}-restored`));
      return [backup.manifest.checksum, ...backup.files.map(({ checksum }) => checksum)];
    };
    const [a, again, b] = [checksumsOf('a', 'x'), checksumsOf('again', 'x'), checksumsOf('b', 'y')];
    expect(again).toEqual(a);
    for (const [i, checksum] of b.entries()) {
      expect(checksum).toMatch(/^[0-9a-f]{64}$/);
      expect(checksum).not.toBe(a[i]);
    }
  });
});

describe('archives of Odysseus', () => {
  const HOSTILE: readonly Member[] = [
    { path: 'data/link', type: '2', target: '/etc' },
    { path: 'data/null', type: '3' },
    { path: 'data/../../live/memory.json', content: 'replaced' },
    { path: 'live/memory.json', content: 'replaced' },
  ];

  it('OB-01: one with links, devices, `..` or members elsewhere is refused, and live data is what it was', async () => {
    const directory = testDirectory();
    mkdirSync(join(directory, 'live'));
    writeFileSync(join(directory, 'live/memory.json'), '[]');
    const live = describeTree(join(directory, 'live'));
    for (const [i, member] of HOSTILE.entries()) {
      const path = join(directory, `odysseus-backup-${i}.tar.gz`);
      writeFileSync(path, tarGz([{ path: 'data/settings.json', content: '{}' }, member]));
      const staged = new StagedDirectory(join(directory, `staged-${i}`));
      const wish = { vaultKey: undefined, database: undefined, mostBytes: 1_000_000, mostMembers: 10 };
      const code = i < 2 ? 'OBJECT_UNEXPECTED' : 'PATH_UNSAFE';
      const unpacked = stageOdysseusArchive({ crypto: nodeCrypto, path, staged, wish });
      await expect(unpacked, member.path).rejects.toMatchObject({ code });
      expect(existsSync(join(staged.path, 'data/link'))).toBe(false);
    }
    expect(describeTree(join(directory, 'live'))).toEqual(live);
  });
});
