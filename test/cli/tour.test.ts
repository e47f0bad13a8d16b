/** The main job from end to end, as a user does it on the first day. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePlace, outcomeOf, parseLine, PROGRAM, writeTree, type Json } from '../support/cli.js';
import { describeTree, randomLike } from '../support/tree.js';

const isRoot = process.getuid?.() === 0;

describe('the tour', () => {
  it('makes a key, backs up, lists, verifies with the public key alone and gives everything back', async () => {
    const place = await makePlace({ init: false });
    const { source, repository } = place;
    writeTree(source, { 'notes/today.md': '# today\n', 'uploads/photo.bin': randomLike(300_000), top: 'x' });
    chmodSync(join(source, 'notes/today.md'), 0o640);
    chmodSync(join(source, 'uploads'), 0o2750);
    if (isRoot) chownSync(join(source, 'top'), 1234, 5678);
    symlinkSync('../top', join(source, 'notes/link'));
    utimesSync(join(source, 'notes/today.md'), 1_600_000_000.25, 1_600_000_000.25);
    utimesSync(join(source, 'notes'), 1_500_000_000, 1_500_000_000);

    const keyFile = place.path('made.key');
    expect(await place.run(['key', 'generate', '--out', keyFile])).toMatchObject({ exit: 0, stdout: '' });
    const withKey = ['-r', repository, '--vault-key-file', keyFile];
    const init = await place.run(['init', ...withKey]);
    expect(init.exit).toBe(0);
    const [, publicKey = ''] = /verification key (nbakpub1\w+)/.exec(init.stdout) ?? [];
    expect(init.stdout).toMatch(/^repository [0-9a-f]{32}$/m);
    expect(init.stderr).toContain('Keep both keys elsewhere');

    const backup = await place.run(['backup', ...withKey, source]);
    expect(backup.exit).toBe(0);
    const [, id = ''] = /^backup ([0-9a-f]{64})$/m.exec(backup.stdout) ?? [];
    expect(backup.stdout).toMatch(/3 files .* read, .* added/);

    const list = await place.run(['list', '-r', repository]);
    expect(list.stdout).toContain(id.slice(0, 8));
    expect(list.stderr).toContain('Not verified');
    const verifiedList = await place.run(['list', '-r', repository, '--public-key', publicKey]);
    expect(verifiedList).toMatchObject({ exit: 0, stderr: '' });
    expect((await place.run(['show', id.slice(0, 10), '-r', repository])).stdout).toContain(source);
    const ls = await place.run(['ls', id, 'notes', '-r', repository, '--public-key', publicKey]);
    expect(ls.stdout).toContain('-rw-r-----');
    expect(ls.stdout).toContain('notes/link -> ../top');
    expect(ls.stdout).not.toContain('photo');

    const verify = await place.run(['verify', '-r', repository, '--public-key', publicKey]);
    expect(verify).toMatchObject({ exit: 0 });
    expect(verify.stdout).toMatch(/^ok: 1 backup/);
    const decrypted = await place.run(['verify', '--decrypt', ...withKey]);
    expect(decrypted.stdout).toContain('3 files compared');

    const target = place.path('restored');
    expect(await place.run(['restore', id, ...withKey, '--target', target])).toMatchObject({ exit: 0 });
    expect(describeTree(target)).toEqual(describeTree(source));
    const cat = await place.run(['cat', 'latest', 'notes/today.md', ...withKey]);
    expect(cat).toEqual({ exit: 0, stdout: '# today\n', stderr: '' });
  });

  it('gives JSON of one line everywhere, with what DESIGN names', async () => {
    const place = await makePlace({ init: false });
    writeTree(place.source, { a: 'a' });
    const key = parseLine(await place.run(['key', 'generate', '--json']));
    expect(key).toEqual({ vaultKey: expect.stringMatching(/^nbakkey1/) as string });
    const init = await place.json(0, 'init');
    expect(init).toEqual({
      repositoryId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      verificationKey: await place.publicKey(),
    });
    const backup = await place.json(0, 'backup', place.source);
    expect(Object.keys(backup)).toEqual(
      expect.arrayContaining([
        'id',
        'filesTotal',
        'bytesRead',
        'bytesAdded',
        'durationMs',
        'cut',
        'torn',
        'unreadable',
      ]),
    );
    const list = await place.json<{ verified: boolean; backups: readonly Json[] }>(0, 'list');
    expect(list).toMatchObject({
      verified: true,
      backups: [{ id: backup['id'], roots: [{ name: 'source', path: place.source }] }],
    });
    expect(list.backups[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(await place.verify(0)).toMatchObject({ ok: true, backups: 1, blobs: 1, problems: [] });
    const { result } = await place.restore(0);
    expect(result).toMatchObject({ files: 1, failed: [] });
    const ls = await place.json<{ entries: readonly Json[] }>(0, 'ls', 'latest');
    expect(ls.entries.map(({ path }) => path)).toEqual(['.', 'a']);
  });

  it('brings hard links back as one file, and keeps empty files, empty directories and dangling links', async () => {
    const place = await makePlace();
    writeTree(place.source, { big: randomLike(100_000), small: 'two names', empty: '' });
    mkdirSync(join(place.source, 'hollow'));
    linkSync(join(place.source, 'big'), join(place.source, 'z-big'));
    linkSync(join(place.source, 'small'), join(place.source, 'hollow-small'));
    symlinkSync('/nowhere/at/all', join(place.source, 'dangling'));
    await place.backup();
    const { target } = await place.restore(0);
    expect(describeTree(target)).toEqual(describeTree(place.source));
    expect(statSync(join(target, 'big')).ino).toBe(statSync(join(target, 'z-big')).ino);
    expect(statSync(join(target, 'small')).nlink).toBe(2);
  });

  it('keeps names with spaces, newlines, escapes, emoji, 255 bytes and bytes that are no UTF-8, and shows them harmless', async () => {
    const place = await makePlace();
    const names = [' a b ', 'line\nbreak', '\u001b[31mred', 'Ω🎉', '-rf', '"quoted"', "it's"].map((name) =>
      Buffer.from(name),
    );
    names.push(Buffer.from([0x62, 0x61, 0x64, 0xff, 0xfe]));
    // The longest that a file system takes.
    names.push(Buffer.alloc(255, 'n'), Buffer.from('🎉'.repeat(63)));
    for (const name of names)
      writeFileSync(
        Buffer.concat([Buffer.from(`${place.source}/`), name]),
        `content of ${name.toString('hex')}`,
      );
    await place.backup();
    const ls = await place.nbak(0, 'ls', 'latest');
    expect(ls.stdout).not.toContain('\u001b');
    expect(ls.stdout).toContain('\\x1b[31mred');
    expect(ls.stdout).toContain('line\\x0abreak');
    expect(ls.stdout.trimEnd().split('\n')).toHaveLength(names.length + 1);
    const { target } = await place.restore(0);
    expect(describeTree(target)).toEqual(describeTree(place.source));
    expect((await place.nbak(0, 'cat', 'latest', 'line\nbreak')).stdout).toContain('content of');
    expect((await place.nbak(1, 'cat', 'latest', 'no\u001b[31msuch')).stderr).not.toContain('\u001b');
  });

  it('does with sealed names what it does with plain ones, and shows no name to a holder of the public key', async () => {
    const place = await makePlace({ init: false });
    const { verificationKey } = await place.json<{ verificationKey: string }>(0, 'init', '--names', 'sealed');
    writeTree(place.source, { 'secret-name/file': 'content', other: randomLike(2_000_000) });
    const { id } = await place.backup('--tag', 'secret-tag');
    const outsider = ['-r', place.repository, '--public-key', verificationKey];
    const list = await place.run(['list', ...outsider]);
    expect(list).toMatchObject({ exit: 0 });
    expect(list.stdout).toContain('sealed');
    const shown = await place.run(['show', id, ...outsider, '--json']);
    expect(list.stdout + shown.stdout).not.toContain('secret');
    expect(parseLine(shown)).toMatchObject({ host: null, roots: null, tags: null });
    expect(parseLine(await place.run(['ls', id, ...outsider, '--json']))).toMatchObject({
      error: { code: 'KEY_MISSING' },
    });
    expect(await place.verify(0)).toMatchObject({ ok: true });
    expect((await place.nbak(0, 'verify', '--decrypt')).stdout).toContain('2 files compared');
    expect((await place.nbak(0, 'ls', 'latest', 'secret-name')).stdout).toContain('secret-name/file');
    const { target } = await place.restore(0, '--tag', 'secret-tag');
    expect(describeTree(target)).toEqual(describeTree(place.source));
  });

  it('takes no offence when the reader of its output has seen enough', async () => {
    const place = await makePlace();
    const names = Array.from({ length: 3000 }, (_, i) => `a-rather-long-name-of-a-file-${String(i)}`);
    writeTree(place.source, Object.fromEntries(names.map((name) => [name, name])));
    await place.backup();
    const child = spawn('sh', ['-c', '{ "$NODE" "$PROGRAM" ls latest; echo "exit $?" >&2; } | head -n 1'], {
      env: {
        PATH: process.env['PATH'],
        NODE: process.execPath,
        PROGRAM,
        NBAK_REPOSITORY: place.repository,
        NBAK_CACHE_DIR: place.cache,
      },
    });
    const { stdout, stderr } = await outcomeOf(child);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr.replace(/^Not verified.*\n/m, '')).toBe('exit 0\n');
  });

  it.each([
    ['verify of a damaged repository', 'stdout', 20],
    ['cat', 'stdout', 0],
    ['list of no repository', 'stderr', 10],
  ] as const)('%s exits as ever where nobody reads its %s', async (what, closed, exit) => {
    const place = await makePlace();
    writeTree(place.source, { big: randomLike(4_000_000) });
    await place.backup();
    const nowhere = place.path('nowhere');
    if (exit === 20) rmSync(join(place.repository, 'packs'), { recursive: true });
    const args = { 20: ['verify'], 0: ['cat', 'latest', 'big'], 10: ['list', '-r', nowhere] }[exit];
    const key = ['-r', place.repository, '--vault-key-file', place.keyFile, '--cache-dir', place.cache];
    const child = spawn(process.execPath, [PROGRAM, ...key, ...args]);
    child[closed].destroy();
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code, what).toBe(exit);
  });

  it('says it where its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [PROGRAM, 'help', 'exit-codes'], {
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [exit] = (await once(child, 'close')) as [number];
    expect(exit).toBe(1);
    expect(said).toContain('ENOSPC');
  });

  it('is silent with --quiet, and colours nothing that is no terminal', async () => {
    const place = await makePlace({ init: false });
    writeTree(place.source, { a: 'a' });
    const init = await place.nbak(0, 'init', '--quiet');
    expect(init.stderr).toBe('');
    expect(init.stdout.split('\n')).toHaveLength(3);
    const quiet = await place.nbak(0, 'backup', place.source, '--quiet');
    expect(quiet.stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(quiet.stderr).toBe('');
    expect(await place.nbak(0, 'verify', '--quiet')).toMatchObject({ stdout: '', stderr: '' });
    const target = place.path('out');
    expect(await place.nbak(0, 'restore', 'latest', '--target', target, '--quiet')).toMatchObject({
      stdout: '',
      stderr: '',
    });
    const list = await place.run(['list', '-r', place.repository, '--quiet']);
    expect(list).toMatchObject({ exit: 0, stderr: '' });
    const failing = await place.run(['list', '-r', place.path('none'), '--quiet']);
    expect(failing.exit).toBe(10);
    expect(failing.stderr).toMatch(/^nbak: .*\[REPOSITORY_NOT_FOUND\]/);
    expect(failing.stderr).not.toContain('\u001b');
  });

  it('colours errors on a terminal, and not where NO_COLOR is set', async (test) => {
    const place = await makePlace({ init: false });
    test.skip(!hasScript(), 'no program `script` here to make a terminal with');
    const onTerminal = async (env: Readonly<Record<string, string>>): Promise<string> => {
      const command = `"${process.execPath}" "${PROGRAM}" list -r "${place.path('none')}"`;
      const child = spawn('script', ['-qec', command, '/dev/null'], {
        env: { PATH: process.env['PATH'], TERM: 'xterm', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return (await outcomeOf(child)).stdout;
    };
    expect(await onTerminal({})).toContain('\u001b[31m');
    expect(await onTerminal({ NO_COLOR: '1' })).not.toContain('\u001b[3');
  });
});

function hasScript(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
