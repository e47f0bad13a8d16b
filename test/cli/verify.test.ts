/** Verifying with the public key alone: what is found, where, and with which exit code. */

import { cpSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  makePlace,
  parseLine,
  writeTree,
  type ErrorJson,
  type Place,
  type VerifyJson,
} from '../support/cli.js';
import { flipBit, objectsOf, packsOf, takeAway } from '../support/damage.js';
import { randomLike } from '../support/tree.js';

/** Two backups; the second has a file of its own. */
async function twoBackups(): Promise<{ place: Place; first: string; second: string }> {
  const place = await makePlace();
  writeTree(place.source, { old: randomLike(40_000, 1) });
  const first = await place.backup();
  writeTree(place.source, { young: randomLike(40_000, 2) });
  const second = await place.backup();
  return { place, first: first.id, second: second.id };
}

const codesOf = ({ problems }: VerifyJson): string[] => problems.map(({ code }) => code);

describe('verify with the public key alone', () => {
  it('finds one flipped bit in a pack, and names the pack, the backups and the files', async () => {
    const { place, first, second } = await twoBackups();
    const packs = packsOf(place.repository);
    expect(packs).toHaveLength(2);
    const seen = new Set<string>();
    for (const pack of packs) {
      flipBit(join(place.repository, pack), 20_000);
      const result = await place.verify(20);
      expect(result.ok).toBe(false);
      expect(codesOf(result)).toEqual(['OBJECT_CORRUPT']);
      const [problem] = result.problems;
      expect(problem?.object).toBe(pack);
      const [file = ''] = problem?.files ?? [];
      const isOld = file.endsWith('old');
      expect(file).toMatch(/(old|young)$/);
      expect([...(problem?.backups ?? [])].sort()).toEqual(isOld ? [first, second].sort() : [second]);
      seen.add(isOld ? 'old' : 'young');
      const text = await place.run([
        'verify',
        '-r',
        place.repository,
        '--public-key',
        await place.publicKey(),
      ]);
      expect(text.exit).toBe(20);
      expect(text.stdout).toContain('damaged');
      expect(text.stdout).toContain(isOld ? 'old' : 'young');
      flipBit(join(place.repository, pack), 20_000);
    }
    expect([...seen].sort()).toEqual(['old', 'young']);
    expect(await place.verify(0)).toMatchObject({ ok: true, backups: 2 });
  });

  it.each([
    ['packs/', 20, 'OBJECT_MISSING'],
    ['pages/', 20, 'OBJECT_MISSING'],
    ['epochs/', 21, 'SIGNER_UNKNOWN'],
  ] as const)('finds that an object under %s is gone', async (prefix, exit, code) => {
    const { place } = await twoBackups();
    const [name = ''] = objectsOf(place.repository, prefix);
    takeAway(place.repository, name);
    const outcome = await place.run([
      'verify',
      '-r',
      place.repository,
      '--public-key',
      await place.publicKey(),
      '--json',
    ]);
    expect(outcome.exit).toBe(exit);
    expect(outcome.stdout).toContain(code);
  });

  it.each([
    ['epochs/', 20],
    ['manifests/', 20],
    ['pages/', 20],
    ['index/', 20],
  ] as const)('finds one flipped bit under %s', async (prefix, exit) => {
    const { place } = await twoBackups();
    const [name = ''] = objectsOf(place.repository, prefix);
    flipBit(join(place.repository, name), -5);
    const outcome = await place.run([
      'verify',
      '-r',
      place.repository,
      '--public-key',
      await place.publicKey(),
      '--json',
    ]);
    expect(outcome.exit).toBe(exit);
    expect(outcome.stdout).toContain('OBJECT_CORRUPT');
  });

  it('finds an object that no rule allows, and one that lies under another name', async () => {
    const { place } = await twoBackups();
    const [pack = ''] = packsOf(place.repository);
    cpSync(join(place.repository, pack), join(place.repository, 'packs', 'stray'));
    expect(codesOf(await place.verify(21))).toContain('OBJECT_UNEXPECTED');
    renameSync(
      join(place.repository, 'packs', 'stray'),
      join(
        place.repository,
        pack.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
      ),
    );
    expect([20, 21]).toContain(
      (await place.run(['verify', '-r', place.repository, '--public-key', await place.publicKey()])).exit,
    );
  });

  it('remembers what it saw: a newest backup that is taken back is found, and a new cache cannot know', async () => {
    const { place, first, second } = await twoBackups();
    await place.verify(0);
    takeAway(place.repository, `manifests/${second}`);
    const result = await place.verify(22);
    expect(codesOf(result)).toEqual(['TAKEN_BACK']);
    expect(JSON.stringify(result.problems)).toContain(second);
    // It stays a finding; looking again does not make it true.
    expect(codesOf(await place.verify(22))).toEqual(['TAKEN_BACK']);
    expect(await place.verify(0, '--cache-dir', place.path('new-cache'))).toMatchObject({ backups: 1 });
    takeAway(place.repository, `manifests/${first}`);
    expect(codesOf(await place.verify(22))).toContain('TAKEN_BACK');
  });

  it('finds without any memory that a parent is missing', async () => {
    const { place, first } = await twoBackups();
    takeAway(place.repository, `manifests/${first}`);
    expect(codesOf(await place.verify(22))).toEqual(['PARENT_MISSING']);
  });

  it('with --max-age says when the newest backup is too old, for each source', async () => {
    const { place } = await twoBackups();
    await place.verify(0, '--max-age', '1h');
    await sleep(20);
    expect(codesOf(await place.verify(22, '--max-age', '1ms'))).toEqual(['STALE']);
    const other = place.path('other');
    writeTree(other, { a: 'a' });
    await place.nbak(0, 'backup', other);
    expect(codesOf(await place.verify(22, '--max-age', '1ms'))).toEqual(['STALE', 'STALE']);
  });

  it('with BACKUP looks at that one alone, and not at what others reach', async () => {
    const { place, first, second } = await twoBackups();
    const before = packsOf(place.repository);
    expect(await place.verify(0, first)).toMatchObject({ ok: true, backups: 1, blobs: 1 });
    expect(await place.verify(0, first.slice(0, 16), 'latest')).toMatchObject({ backups: 2, blobs: 2 });
    const result = await place.verify(0);
    expect(result.blobs).toBe(2);
    // The pack of the second alone: the one whose damage does not show in the first.
    for (const pack of before) {
      flipBit(join(place.repository, pack), 20_000);
      const [ofFirst, ofSecond] = await Promise.all([first, second].map((id) => anyVerify(place, id)));
      expect(ofSecond).toBe(20);
      expect([0, 20]).toContain(ofFirst);
      flipBit(join(place.repository, pack), 20_000);
    }
    expect(await anyVerify(place, 'f'.repeat(64))).toBe(1);
  });

  it('with --decrypt needs the vault key and finds the same damage', async () => {
    const { place } = await twoBackups();
    const refused = await place.run([
      'verify',
      '--decrypt',
      '-r',
      place.repository,
      '--json',
      '--public-key',
      await place.publicKey(),
    ]);
    expect([refused.exit, parseLine<ErrorJson>(refused).error.code]).toEqual([12, 'KEY_MISSING']);
    const [pack = ''] = packsOf(place.repository);
    flipBit(join(place.repository, pack), 20_000);
    const result = await place.json<VerifyJson>(20, 'verify', '--decrypt');
    expect(new Set(codesOf(result))).toEqual(new Set(['OBJECT_CORRUPT']));
  });

  it('works wholly on sealed names, and names backups where it cannot name files', async () => {
    const place = await makePlace({ init: false });
    await place.nbak(0, 'init', '--names', 'sealed');
    writeTree(place.source, { 'hidden-name': randomLike(40_000) });
    const { id } = await place.backup();
    await place.verify(0);
    flipBit(join(place.repository, packsOf(place.repository)[0] ?? ''), 20_000);
    const result = await place.verify(20);
    expect(result.problems[0]?.backups).toEqual([id]);
    expect(JSON.stringify(result)).not.toContain('hidden');
    // With the vault key the file has its name.
    const named = await place.json<VerifyJson>(20, 'verify', '--decrypt');
    expect(JSON.stringify(named.problems)).toContain('hidden-name');
  });
});

async function anyVerify(place: Place, id: string): Promise<number> {
  const outcome = await place.run([
    'verify',
    id,
    '-r',
    place.repository,
    '--public-key',
    await place.publicKey(),
    '--json',
  ]);
  return outcome.exit;
}
