/** What an archive or an export of Odysseus may not be: each is refused whole. */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { stageOdysseusArchive } from '#nbak/exchange/odysseus/archive.js';
import { parseOdysseusExport } from '#nbak/exchange/odysseus/export-file.js';
import { StagedDirectory } from '#nbak/exchange/staged-directory.js';
import { tarGz, type Member } from '../support/tar.js';
import { randomLike } from '../support/tree.js';

const SOUND: readonly Member[] = [
  { path: 'data/', type: '5' },
  { path: 'data/settings.json', content: '{}' },
];

/** Unpacks an archive below a directory of the test. */
async function unpack(
  archive: Uint8Array,
  { mostBytes = 100_000_000, mostMembers = 100 } = {},
): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-archive-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'odysseus-backup-20260501-123456.tar.gz');
  writeFileSync(path, archive);
  const staged = new StagedDirectory(join(directory, 'inner/../staged'));
  const wish = { vaultKey: undefined, database: undefined, mostBytes, mostMembers };
  await stageOdysseusArchive({ crypto: nodeCrypto, path, staged, wish });
  return staged.path;
}

describe('an archive of Odysseus', () => {
  it('is unpacked with all that it has', async () => {
    const deep = `data/${'long-name/'.repeat(8)}file`;
    const path = await unpack(
      tarGz([...SOUND, { path: deep, content: 'x' }, { path: './data/dot', content: 'x' }]),
    );
    expect(existsSync(join(path, deep))).toBe(true);
    expect(existsSync(join(path, 'data/dot'))).toBe(true);
  });

  it.each([
    ['a path that leaves it', { path: 'data/../../evil', content: 'x' }, 'PATH_UNSAFE'],
    ['an absolute path', { path: '/data/evil', content: 'x' }, 'PATH_UNSAFE'],
    ['a path beside data/', { path: 'database/evil', content: 'x' }, 'PATH_UNSAFE'],
    ['a link', { path: 'data/link', type: '2', target: '/etc' }, 'OBJECT_UNEXPECTED'],
    ['a hard link', { path: 'data/link', type: '1', target: 'data/settings.json' }, 'OBJECT_UNEXPECTED'],
    ['a device', { path: 'data/null', type: '3' }, 'OBJECT_UNEXPECTED'],
    ['a member twice', { path: 'data/settings.json', content: 'again' }, 'FORMAT_INVALID'],
    ['a file with files below it', { path: 'data/settings.json/x', content: 'x' }, 'FORMAT_INVALID'],
    ['a directory where a file is', { path: 'data/settings.json', type: '5' }, 'FORMAT_INVALID'],
    ['a file where data/ is', { path: 'data', content: 'x' }, 'FORMAT_INVALID'],
    ['a member that claims more than there is', { path: 'data/x', size: 5_000_000 }, 'FORMAT_INVALID'],
    ['a member that claims more than is allowed', { path: 'data/x', size: 500_000_000 }, 'LIMIT_EXCEEDED'],
  ] as const)('is refused with %s', async (_, member, code) => {
    await expect(unpack(tarGz([...SOUND, member]))).rejects.toMatchObject({ code });
  });

  it('is refused with more members than are allowed, directories among them', async () => {
    const members = Array.from({ length: 9 }, (_, i): Member => ({ path: `data/${i}/`, type: '5' }));
    await expect(unpack(tarGz([...SOUND, ...members]), { mostMembers: 11 })).resolves.toBeDefined();
    const refused = unpack(tarGz([...SOUND, ...members]), { mostMembers: 10 });
    await expect(refused).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('is refused with one path that makes more directories than are allowed', async () => {
    const deep: Member = { path: `data/${'d/'.repeat(20)}file`, content: 'x' };
    await expect(unpack(tarGz([...SOUND, deep]), { mostMembers: 23 })).resolves.toBeDefined();
    const refused = unpack(tarGz([...SOUND, deep]), { mostMembers: 22 });
    await expect(refused).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('writes nothing outside of its place before it is refused', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name === 'evil');
    await expect(unpack(tarGz([{ path: 'data/../../../evil', content: 'x' }]))).rejects.toThrow();
    expect(readdirSync(tmpdir()).filter((name) => name === 'evil')).toEqual(before);
  });

  it('is refused when it was cut off, at any place', async () => {
    const whole = tarGz([...SOUND, { path: 'data/big', content: randomLike(30_000) }]);
    for (const part of [0.1, 0.5, 0.9, 0.999]) {
      const archive = whole.subarray(0, Math.floor(whole.length * part));
      await expect(unpack(archive), String(part)).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
    }
  });

  it.each([
    ['text', gzipSync('no archive at all, but long enough to be looked at'.repeat(20))],
    ['nothing', gzipSync('')],
    ['an empty archive', tarGz([])],
    ['a file called data', tarGz([{ path: 'data', content: 'x' }])],
    ['bytes that were never compressed', Buffer.from('data/settings.json'.repeat(100))],
  ])('is refused when it is %s', async (_, archive) => {
    await expect(unpack(archive)).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });

  it('is refused when it unpacks to more than is allowed, in a member or behind the last (O-8)', async () => {
    const bomb = tarGz([...SOUND, { path: 'data/bomb', content: Buffer.alloc(30_000_000) }]);
    expect(bomb.length).toBeLessThan(100_000);
    await expect(unpack(bomb, { mostBytes: 10_000_000 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    const behind = gzipSync(Buffer.alloc(30_000_000));
    await expect(unpack(behind, { mostBytes: 10_000_000 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});

describe('an export of Odysseus', () => {
  it.each([
    ['an unknown version', '{"version":3,"memories":[]}', 'FORMAT_NEWER'],
    ['version 0', '{"version":0,"memories":[]}', 'FORMAT_INVALID'],
    ['a version in words', '{"version":"one","memories":[]}', 'FORMAT_INVALID'],
    ['memories that are no list', '{"version":1,"memories":{}}', 'FORMAT_INVALID'],
    ['settings that are a list', '{"version":1,"settings":[]}', 'FORMAT_INVALID'],
    ['nothing that is known', '{"version":1,"hello":1}', 'FORMAT_INVALID'],
    ['a list instead of an object', '[]', 'FORMAT_INVALID'],
    ['no JSON', '{"version":1,"memories":[', 'FORMAT_INVALID'],
  ])('is refused with %s', (_, text, code) => {
    expect(() => parseOdysseusExport(new TextEncoder().encode(text), 'x.json')).toThrow(
      expect.objectContaining({ code }) as Error,
    );
  });

  it('is of version 1 where it does not say', () => {
    const read = parseOdysseusExport(new TextEncoder().encode('{"memories":[{"text":"t"}]}'), 'x.json');
    expect(read).toEqual({ version: 1, memories: [{ text: 't' }] });
  });
});
