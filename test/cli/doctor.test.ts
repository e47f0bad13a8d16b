/** `nbak doctor`: every fault of a set-up is found by the check that it belongs to, with what to do about it. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import type { BytePath } from '#nbak/format/path.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { makePlace, parseLine, writeTree, type Place } from '../support/cli.js';
import { Insider } from '../support/insider.js';
import { NOBODY, isRoot } from '../support/program-copy.js';
import { describeTree } from '../support/tree.js';

interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'warning' | 'problem';
  readonly message: string;
  readonly advice?: string;
  readonly code?: string;
  readonly path?: string;
}

/** A place whose set-up is as it should be: another filesystem for the source is what a test cannot have. */
async function soundPlace(): Promise<Place> {
  const place = await makePlace();
  writeTree(place.source, { a: 'a' });
  chmodSync(place.keyFile, 0o600);
  await place.backup();
  await place.verify(0);
  return place;
}

/** What the doctor says, with both keys from files unless `args` say otherwise. */
async function examine(
  place: Place,
  exit: number,
  options: { readonly args?: readonly string[]; readonly node?: readonly string[] } = {},
): Promise<readonly Finding[]> {
  const { args, node = [] } = options;
  const keys = ['--vault-key-file', place.keyFile, '--public-key', await place.publicKey()];
  const outcome = await place.run(['doctor', '-r', place.repository, '--json', ...(args ?? keys)], { node });
  expect(outcome, outcome.stdout).toMatchObject({ exit, stderr: '' });
  const { ok, findings } = parseLine<{ ok: boolean; findings: readonly Finding[] }>(outcome);
  expect(ok).toBe(exit === 0);
  for (const { verdict, advice } of findings) expect(advice === undefined).toBe(verdict === 'ok');
  return findings;
}

/** What is not well, as `check verdict`, but for the filesystem that all places of a test share. */
function complaints(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ verdict, message }) => verdict !== 'ok' && !message.includes('same filesystem'))
    .map(({ check, verdict }) => `${check} ${verdict}`);
}

describe('a sound set-up', () => {
  it('has a finding for every check, nothing to complain of, and is not changed', async () => {
    const place = await soundPlace();
    const before = [describeTree(place.repository), describeTree(place.source)];
    const findings = await examine(place, 3);
    expect(complaints(findings)).toEqual([]);
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set([
        'vault-key',
        'public-key',
        'repository',
        'clock',
        'space',
        'cache',
        'system',
        'source',
        'last-backup',
        'verification',
      ]),
    );
    expect(findings.filter(({ verdict }) => verdict === 'warning').map(({ message }) => message)).toEqual([
      'the repository is on the same filesystem: a disk that dies takes both',
    ]);
    expect([describeTree(place.repository), describeTree(place.source)]).toEqual(before);
  });

  it('exits 0 where the source is on a filesystem of its own', async ({ skip }) => {
    const place = await soundPlace();
    mountOver(place.source, skip);
    writeTree(place.source, { a: 'a' });
    expect(complaints(await examine(place, 0))).toEqual([]);
  });

  it('is told to people in lines, the quiet ones of what is not well alone', async () => {
    const place = await soundPlace();
    const args = ['doctor', '--vault-key-file', place.keyFile, '-r', place.repository];
    const loud = await place.run(args);
    expect(loud).toMatchObject({ exit: 3, stderr: '' });
    expect(loud.stdout).toMatch(/^ok +vault-key /m);
    expect(loud.stdout).toMatch(/^warning public-key +no public key is pinned.*\n +Keep what /m);
    const quiet = await place.run([...args, '--quiet']);
    expect(quiet.stdout).not.toMatch(/^ok/m);
    expect(quiet.stdout).toMatch(/^warning public-key/m);
  });
});

/** Mounts a small filesystem over a directory for the rest of the test. */
function mountOver(directory: string, skip: (why: string) => void, size = '8m'): void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory], { stdio: 'pipe' });
  } catch {
    skip('no file system can be mounted here');
  }
  onTestFinished(() => void execFileSync('umount', [directory]));
}

describe('the keys', () => {
  it.each([0o640, 0o604, 0o620])('of mode %o are a problem: others can read or change them', async (mode) => {
    const place = await soundPlace();
    chmodSync(place.keyFile, mode);
    const findings = await examine(place, 1);
    expect(complaints(findings)).toEqual(['vault-key problem']);
    expect(findings.find(({ verdict }) => verdict === 'problem')?.advice).toContain('chmod 600');
  });

  it.skipIf(!isRoot)('of another user are a warning', async () => {
    const place = await soundPlace();
    chownSync(place.keyFile, NOBODY, NOBODY);
    expect(complaints(await examine(place, 3))).toEqual(['vault-key warning']);
  });

  it('that lie in the repository are a problem, the public one too', async () => {
    const place = await soundPlace();
    const [vault, pin] = ['vault.key', 'public.key'].map((name) => join(place.repository, 'tmp', name));
    mkdirSync(join(place.repository, 'tmp'), { recursive: true });
    copyFileSync(place.keyFile, vault ?? '');
    writeFileSync(pin ?? '', await place.publicKey());
    const args = ['--vault-key-file', vault ?? '', '--public-key', pin ?? ''];
    expect(complaints(await examine(place, 1, { args }))).toEqual([
      'vault-key problem',
      'public-key problem',
    ]);
  });

  it('that are not given are warnings; a wrong one is a problem, and the rest is looked at all the same', async () => {
    const place = await soundPlace();
    expect(complaints(await examine(place, 3, { args: [] }))).toEqual([
      'vault-key warning',
      'public-key warning',
    ]);
    const other = await makePlace({ init: false });
    const wrong = await place.run(['key', 'generate', '--out', other.path('k')]);
    expect(wrong.exit).toBe(0);
    const findings = await examine(place, 1, {
      args: ['--vault-key-file', other.path('k'), '--public-key', await place.publicKey()],
    });
    expect(findings.find(({ code }) => code === 'KEY_WRONG')).toMatchObject({ check: 'vault-key' });
    expect(findings.map(({ check }) => check)).toContain('space');
  });

  it('that cannot be looked at are a problem with its error code', async () => {
    const place = await soundPlace();
    const args = ['--vault-key-file', join(place.keyFile, 'below-a-file')];
    const findings = await examine(place, 1, { args });
    expect(findings.find(({ verdict }) => verdict === 'problem')).toMatchObject({
      check: 'vault-key',
      code: 'KEY_MISSING',
    });
  });
});

describe('the repository', () => {
  it('that is not there is a problem with its error code', async () => {
    const place = await makePlace();
    chmodSync(place.keyFile, 0o600);
    rmSync(place.repository, { recursive: true });
    const findings = await examine(place, 1);
    expect(findings.find(({ check }) => check === 'repository')).toMatchObject({
      verdict: 'problem',
      code: 'REPOSITORY_NOT_FOUND',
    });
  });

  it('with a manifest that is damaged is a problem that names it', async () => {
    const place = await soundPlace();
    const [name = ''] = readdirSync(join(place.repository, 'manifests'));
    const file = join(place.repository, 'manifests', name);
    chmodSync(file, 0o600);
    writeFileSync(file, 'rot', { flag: 'r+' });
    const finding = (await examine(place, 1)).find(({ check }) => check === 'repository');
    expect(finding).toMatchObject({ verdict: 'problem', code: 'OBJECT_CORRUPT' });
    expect(finding?.message).toContain(name.slice(0, 8));
  });

  it('without a backup is a problem, and one that nobody verified from here a warning', async () => {
    const place = await makePlace();
    chmodSync(place.keyFile, 0o600);
    expect(complaints(await examine(place, 1))).toEqual(['verification warning', 'last-backup problem']);
  });

  it('with too little room is a warning, with next to none a problem', async ({ skip }) => {
    const place = await soundPlace();
    const staging = place.temporary;
    mountOver(staging, skip, '32m');
    const findings = await examine(place, 1);
    expect(complaints(findings)).toEqual(['space problem']);
    expect(findings.find(({ verdict }) => verdict === 'problem')?.path).toBe(staging);
    execFileSync('mount', ['-o', 'remount,size=512m', staging]);
    expect(complaints(await examine(place, 3))).toEqual(['space warning']);
  });

  it('with no directory for copies of databases is a problem', async () => {
    const place = await soundPlace();
    rmSync(place.temporary, { recursive: true });
    const finding = (await examine(place, 1)).find(({ verdict }) => verdict === 'problem');
    expect(finding).toMatchObject({ check: 'space', path: place.temporary });
  });
});

describe('the last backup', () => {
  it('that is older than allowed is a warning', async () => {
    const place = await soundPlace();
    const keys = ['--vault-key-file', place.keyFile, '--public-key', await place.publicKey()];
    expect(complaints(await examine(place, 3, { args: [...keys, '--max-age', '1ms'] }))).toEqual([
      'last-backup warning',
    ]);
    expect(complaints(await examine(place, 3, { args: [...keys, '--max-age', '1h'] }))).toEqual([]);
  });

  it('counts where a database was damaged, which is in it as it was, and not where something is missing', async () => {
    const place = await makePlace();
    chmodSync(place.keyFile, 0o600);
    const damaged = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(4080, 255)]);
    writeTree(place.source, { 'x.db': damaged });
    await place.nbak(3, 'backup', place.source);
    await place.verify(0);
    expect(complaints(await examine(place, 3))).toEqual([]);

    const other = await makePlace();
    chmodSync(other.keyFile, 0o600);
    await storeIncomplete(other);
    await other.verify(0);
    const findings = await examine(other, 3);
    expect(complaints(findings)).toEqual(['last-backup warning']);
    expect(findings.find(({ check }) => check === 'last-backup')?.message).toContain('complete');
  });

  it('of a directory that is named and has none is a problem; of another machine it says nothing', async () => {
    const place = await soundPlace();
    const other = place.path('other');
    mkdirSync(other);
    const keys = ['--vault-key-file', place.keyFile, '--public-key', await place.publicKey()];
    const findings = await examine(place, 1, { args: [...keys, other] });
    expect(complaints(findings)).toEqual(['last-backup problem']);
    expect(findings.find(({ verdict }) => verdict === 'problem')?.path).toBe(other);

    const foreign = await makePlace();
    chmodSync(foreign.keyFile, 0o600);
    writeTree(foreign.source, { a: 'a' });
    await foreign.backup('--host', 'another-machine');
    await foreign.verify(0);
    expect(complaints(await examine(foreign, 1))).toEqual(['last-backup problem']);
  });
});

/** A backup in which something was unreadable, which root meets nowhere. */
async function storeIncomplete(place: Place): Promise<void> {
  const storage = await openLocalStorage(place.repository, { mode: 'existing' });
  const insider = new Insider(await openWithVaultKey(storage, nodeCrypto, parseVaultKey(place.key)));
  const page = await insider.storePage(insider.pageOf([{ path: '' }]).page);
  await insider.storeManifest([page], {
    entries: 1,
    totals: { files: 0, directories: 1, others: 0, bytes: 0 },
    detail: { host: hostname(), unreadable: [['s/secret' as BytePath, 'SOURCE_UNREADABLE']] },
  });
  await storage.close();
}

describe('the clock', () => {
  it('that is behind the signatures or behind the storage is a problem', async () => {
    const place = await soundPlace();
    const shim = place.path('clock.cjs');
    writeFileSync(shim, 'const now = Date.now; Date.now = () => now() - 3_600_000;');
    const node = ['--require', shim];
    expect(complaints(await examine(place, 1, { node }))).toEqual(['clock problem']);

    const manifests = join(place.repository, 'manifests');
    const ahead = new Date(Date.now() + 3_600_000);
    for (const name of readdirSync(manifests)) utimesSync(join(manifests, name), ahead, ahead);
    const findings = await examine(place, 1);
    expect(complaints(findings)).toEqual(['clock problem']);
    expect(findings.find(({ check }) => check === 'clock')?.message).toContain('60 min');
  });
});

describe('the cache', () => {
  it('that cannot be used is a problem, and one that others may write to a warning', async () => {
    const place = await soundPlace();
    const keys = ['--vault-key-file', place.keyFile, '--public-key', await place.publicKey()];
    const nowhere = await examine(place, 1, { args: [...keys, '--cache-dir', '/proc/1/none'] });
    expect(complaints(nowhere)).toContain('cache problem');
    chmodSync(place.cache, 0o777);
    expect(complaints(await examine(place, 3))).toEqual(['cache warning']);
  });
});

describe('a source', () => {
  it('that is not there, or lies in the repository, is a problem', async () => {
    const place = await soundPlace();
    const keys = ['--vault-key-file', place.keyFile, '--public-key', await place.publicKey()];
    const missing = await examine(place, 1, { args: [...keys, place.path('absent')] });
    expect(missing.find(({ check }) => check === 'source')).toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    const inside = await examine(place, 1, { args: [...keys, join(place.repository, 'packs')] });
    expect(complaints(inside)).toContain('source problem');
  });

  it('in which a restore did not end is a problem with the command that ends it', async () => {
    const place = await soundPlace();
    writeTree(place.source, { 'NBAK-RESTORE-UNFINISHED.txt': 'see there' });
    const findings = await examine(place, 1);
    expect(complaints(findings)).toEqual(['restore problem']);
    expect(findings.find(({ check }) => check === 'restore')?.advice).toContain(
      `nbak restore --resume ${place.source}`,
    );
  });

  it('of a backup that is gone by now is not missed unless it is named', async () => {
    const place = await soundPlace();
    rmSync(place.source, { recursive: true });
    const findings = await examine(place, 0);
    expect(findings.map(({ check }) => check)).not.toContain('source');
    expect(statSync(place.repository).isDirectory()).toBe(true);
  });
});

describe('doctor with sealed names', () => {
  it('judges age without the vault key, and sources with it', async () => {
    const place = await makePlace({ init: false });
    chmodSync(place.keyFile, 0o600);
    await place.nbak(0, 'init', '--names', 'sealed');
    writeTree(place.source, { a: 'a' });
    await place.backup();
    await place.verify(0);
    const without = await examine(place, 3, { args: ['--public-key', await place.publicKey()] });
    expect(complaints(without)).toEqual(['vault-key warning']);
    expect(without.map(({ check }) => check)).not.toContain('source');
    expect(JSON.stringify(without)).not.toContain(place.source);
    const withKey = await examine(place, 3);
    expect(complaints(withKey)).toEqual([]);
    expect(withKey.find(({ check }) => check === 'source')?.path).toBe(place.source);
  });
});
