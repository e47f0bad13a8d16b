/** Entries that are more, or other, than a name and bytes: fifos, sockets, devices, attributes and ACLs. */

import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readXattrs, writeXattrs, type Xattrs } from '#nbak/source/xattrs.js';
import { makePlace, parseLine, writeTree, type Json, type Place, type RestoreJson } from '../support/cli.js';
import { copyProgram, isRoot, NOBODY, type ProgramCopy } from '../support/program-copy.js';
import { chownTree, describeTree } from '../support/tree.js';

interface Restored extends RestoreJson {
  readonly fifos: number;
  readonly notRestored: readonly string[];
}

const PERMISSIONS = { read: 4, all: 7 };

/** A POSIX ACL as the system stores it: all for the owner, `permissions` for one user more, nothing for others. */
function aclFor(uid: number, permissions: number): Uint8Array {
  const none = 0xffffffff;
  const rows = [
    [0x01, PERMISSIONS.all, none],
    [0x02, permissions, uid],
    [0x04, 0, none],
    [0x10, PERMISSIONS.all, none],
    [0x20, 0, none],
  ];
  const acl = Buffer.alloc(4 + 8 * rows.length);
  acl.writeUInt32LE(2);
  for (const [i, [tag = 0, bits = 0, id = 0]] of rows.entries()) {
    acl.writeUInt16LE(tag, 4 + 8 * i);
    acl.writeUInt16LE(bits, 6 + 8 * i);
    acl.writeUInt32LE(id, 8 + 8 * i);
  }
  return acl;
}

/** What `cap_net_bind_service=ep` looks like. */
const CAPABILITY = Buffer.from('0100000200040000000000000000000000000000', 'hex');

/** Sets attributes; false where this file system has none. */
function setXattrs(path: string, attributes: Readonly<Record<string, Uint8Array | string>>): boolean {
  const list = Object.entries(attributes).map(
    ([name, value]) => [Buffer.from(name), Buffer.from(value as string)] as const,
  );
  return writeXattrs(Buffer.from(path), list).length === 0;
}

function xattrsOf(path: string): Readonly<Record<string, string>> {
  const shown = (list: Xattrs): [string, string][] =>
    list.map(([name, value]) => [Buffer.from(name).toString(), Buffer.from(value).toString('hex')]);
  return Object.fromEntries(shown(readXattrs(Buffer.from(path))));
}

async function restored(
  place: Place,
  ...args: readonly string[]
): Promise<{ target: string; result: Restored }> {
  const { target, result } = await place.restore(0, ...args);
  return { target, result: result as Restored };
}

describe('special files', () => {
  it('fifos come back with mode and time; a thousand of them take no process each', async () => {
    const place = await makePlace();
    const names = Array.from({ length: 1000 }, (_, i) => join(place.source, `pipe-${String(i)}`));
    execFileSync('mkfifo', ['-m', '620', ...names]);
    utimesSync(join(place.source, 'pipe-7'), 1_000_000_000, 1_000_000_000);
    await place.backup();
    const { target, result } = await restored(place);
    expect(result).toMatchObject({ fifos: 1000, notRestored: [] });
    expect(describeTree(target)).toEqual(describeTree(place.source));
    expect(lstatSync(join(target, 'pipe-7')).isFIFO()).toBe(true);
  });

  it('a fifo is replaced in place, and over single files', async () => {
    const place = await makePlace();
    execFileSync('mkfifo', ['-m', '600', join(place.source, 'pipe')]);
    const { id } = await place.backup();
    for (const flags of [
      ['--in-place', place.source],
      ['--target', place.source, '--overwrite', 'always'],
    ]) {
      rmSync(join(place.source, 'pipe'));
      writeTree(place.source, { pipe: 'a file now' });
      await place.nbak(0, 'restore', id, ...flags);
      expect(lstatSync(join(place.source, 'pipe')).isFIFO()).toBe(true);
    }
  });

  it('sockets and devices are recorded and listed as not restored, with exit 0', async () => {
    const place = await makePlace();
    writeTree(place.source, { file: 'f' });
    const server = createServer().listen(join(place.source, 'socket'));
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const device = join(place.source, 'device');
    const hasDevice = isRoot && (execFileSync('mknod', [device, 'c', '1', '3']), true);
    await place.backup();
    const { entries } = await place.json<{ entries: readonly Json[] }>(0, 'ls', 'latest');
    expect(entries).toContainEqual(expect.objectContaining({ path: 'socket', kind: 'socket' }));
    const { target, result } = await restored(place);
    expect(result.notRestored).toEqual([
      ...(hasDevice ? ['device: a character-device'] : []),
      'socket: a socket',
    ]);
    expect(readdirSync(target)).toEqual(['file']);
    // And an application that has its socket open does not lose it.
    await place.nbak(0, 'restore', 'latest', '--in-place', place.source, '--even-if-running');
    expect(lstatSync(join(place.source, 'socket')).isSocket()).toBe(true);
  });
});

it('where system calls are out of reach, the rest is backed up and restored, and fifos are listed', async () => {
  using copy = copyProgram();
  rmSync(join(dirname(copy.program), '../../node_modules/koffi'), { recursive: true });
  const place = await makePlace();
  writeTree(place.source, { file: 'f' });
  setXattrs(join(place.source, 'file'), { 'user.one': 'one' });
  execFileSync('mkfifo', [join(place.source, 'pipe')]);
  const run = async <T>(exit: number, ...args: readonly string[]): Promise<T> => {
    const env = { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key };
    const outcome = await place.run([...args, '--json'], { env, program: copy.program });
    expect(outcome).toMatchObject({ exit });
    return parseLine<T>(outcome);
  };
  await run(0, 'backup', place.source);
  const result = await run<Restored>(0, 'restore', 'latest', '--target', place.path('out'));
  expect(result).toMatchObject({ files: 1, fifos: 0, failed: [] });
  expect(result.notRestored).toEqual(['pipe: a fifo, which cannot be made here']);
  const { findings } = await run<{ findings: readonly Json[] }>(3, 'doctor');
  expect(findings).toContainEqual(expect.objectContaining({ check: 'system', verdict: 'warning' }));
});

describe('extended attributes', () => {
  it('of files of every size, databases, directories and links come back, and a change of them alone is noticed', async (test) => {
    const place = await makePlace();
    writeTree(place.source, {
      small: 's',
      whole: Buffer.alloc(50_000, 1),
      large: Buffer.alloc(2_500_000, 2),
      'd/x': 'x',
    });
    test.skip(!setXattrs(place.source, { 'user.root': 'r' }), 'this file system has no attributes for users');
    const database = new Database(join(place.source, 'state.db'));
    database.exec("CREATE TABLE t (x); INSERT INTO t VALUES ('x')");
    database.close();
    symlinkSync('small', join(place.source, 'link'));
    if (isRoot) setXattrs(join(place.source, 'link'), { 'trusted.link': 'l' });
    for (const name of ['small', 'whole', 'large', 'd', 'state.db'])
      setXattrs(join(place.source, name), {
        'user.one': `of ${name}`,
        'user.bytes': Buffer.from([0, 255, 10]),
        'user.empty': '',
      });
    await place.backup();
    const { entries } = await place.json<{ entries: readonly Json[] }>(0, 'ls', 'latest', 'small');
    expect(entries).toMatchObject([{ xattrs: ['user.bytes', 'user.empty', 'user.one'] }]);
    setXattrs(join(place.source, 'small'), { 'user.one': 'changed' });
    const second = await place.backup();
    expect(second.filesUnchanged).toBeLessThan(5);
    const { target } = await restored(place);
    for (const name of ['', 'small', 'whole', 'large', 'd', 'd/x', 'link', 'state.db'])
      expect(xattrsOf(join(target, name)), name).toEqual(xattrsOf(join(place.source, name)));
    expect(xattrsOf(join(target, 'small'))).toMatchObject({
      'user.one': Buffer.from('changed').toString('hex'),
    });
    await place.verify(0);
  });

  it('are kept of files that did not change, and given back in place to directories that stay', async (test) => {
    const place = await makePlace();
    writeTree(place.source, { 'logs/a.log': 'l', 'd/f': 'f' });
    test.skip(
      !setXattrs(join(place.source, 'd/f'), { 'user.f': 'kept' }),
      'this file system has no attributes for users',
    );
    setXattrs(join(place.source, 'logs'), { 'user.l': 'one' });
    // Old enough to be believed unchanged.
    await new Promise((resolve) => setTimeout(resolve, 2100));
    await place.backup('--exclude', '*.log');
    writeTree(place.source, { 'd/new': 'n' });
    expect(await place.backup('--exclude', '*.log')).toMatchObject({ filesUnchanged: 1 });
    setXattrs(join(place.source, 'logs'), { 'user.l': 'two', 'user.more': 'm' });
    setXattrs(join(place.source, 'd/f'), { 'user.f': 'changed' });
    await place.nbak(0, 'restore', 'latest', '--in-place', place.source);
    expect(xattrsOf(join(place.source, 'logs'))).toEqual({ 'user.l': Buffer.from('one').toString('hex') });
    expect(xattrsOf(join(place.source, 'd/f'))).toEqual({ 'user.f': Buffer.from('kept').toString('hex') });
  });
});

describe.runIf(isRoot)('attributes and owners that only root can set', () => {
  let copy: ProgramCopy;
  beforeAll(() => {
    copy = copyProgram();
  });
  afterAll(() => copy[Symbol.dispose]());

  const mayRead = (path: string): boolean => {
    try {
      execFileSync('cat', [path], { uid: NOBODY, gid: NOBODY, stdio: 'ignore', cwd: '/' });
      return true;
    } catch {
      return false;
    }
  };

  it('ACLs let in whom they let in before, capabilities and trusted attributes come back', async () => {
    const place = await makePlace();
    writeTree(place.source, { shared: 's', closed: 'c', 'd/x': 'x' });
    execFileSync('chmod', ['-R', 'u+rwX,go=', place.source]);
    execFileSync('chmod', ['711', place.source]);
    setXattrs(join(place.source, 'shared'), { 'system.posix_acl_access': aclFor(NOBODY, PERMISSIONS.read) });
    setXattrs(join(place.source, 'd'), { 'system.posix_acl_default': aclFor(1234, PERMISSIONS.read) });
    setXattrs(join(place.source, 'closed'), { 'security.capability': CAPABILITY, 'trusted.nbak': 't' });
    expect([mayRead(join(place.source, 'shared')), mayRead(join(place.source, 'closed'))]).toEqual([
      true,
      false,
    ]);
    await place.backup();
    const { target, result } = await restored(place);
    expect(result.notRestored).toEqual([]);
    expect([mayRead(join(target, 'shared')), mayRead(join(target, 'closed'))]).toEqual([true, false]);
    for (const name of ['', 'shared', 'closed', 'd', 'd/x'])
      expect(xattrsOf(join(target, name)), name).toEqual(xattrsOf(join(place.source, name)));
    expect(Object.keys(xattrsOf(join(target, 'closed')))).toEqual(['security.capability', 'trusted.nbak']);
    expect(describeTree(target)).toEqual(describeTree(place.source));
  });

  it('nothing is inherited from the directory that the target is made in', async () => {
    const place = await makePlace();
    writeTree(place.source, { file: 'f', 'd/x': 'x' });
    execFileSync('chmod', ['-R', 'a+rX', place.source]);
    await place.backup();
    const home = place.path('generous');
    mkdirSync(home);
    setXattrs(home, { 'system.posix_acl_default': aclFor(1234, PERMISSIONS.all) });
    writeTree(home, { made: 'by hand' });
    expect(xattrsOf(join(home, 'made'))).toHaveProperty(['system.posix_acl_access']);
    await place.nbak(0, 'restore', 'latest', '--target', join(home, 'target'));
    for (const name of ['', 'file', 'd', 'd/x'])
      expect(xattrsOf(join(home, 'target', name)), name).toEqual({});
    expect(describeTree(join(home, 'target'))).toEqual(describeTree(place.source));
  });

  it('restored by another user are listed, with exit 0, and capabilities and setuid never go to another owner', async () => {
    const place = await makePlace();
    writeTree(place.source, { tool: '#!/bin/sh\n', plain: 'p' });
    chownTree(place.source, 1234);
    execFileSync('chmod', ['4755', join(place.source, 'tool')]);
    setXattrs(join(place.source, 'tool'), {
      'security.capability': CAPABILITY,
      'trusted.nbak': 't',
      'user.mine': 'm',
    });
    await place.backup();
    const out = place.path('out');
    mkdirSync(out);
    for (const path of [out, place.repository, place.temporary]) chownTree(path, NOBODY);
    const target = join(out, 'target');
    const outcome = await place.run(['restore', 'latest', '--target', target, '--json'], {
      uid: NOBODY,
      program: copy.program,
      env: {
        NBAK_REPOSITORY: place.repository,
        NBAK_VAULT_KEY: place.key,
        NBAK_CACHE_DIR: join(out, 'cache'),
      },
    });
    expect(outcome).toMatchObject({ exit: 0 });
    expect(parseLine<Restored>(outcome).notRestored).toEqual([
      'the owner of 3 of the entries: this user or system cannot set it',
      'trusted.nbak of 1 of the entries: this user or system cannot set it',
      'security.capability of 1 of the entries: this user or system cannot set it',
    ]);
    expect(statSync(join(target, 'tool'))).toMatchObject({ uid: NOBODY, mode: 0o100755 });
    expect(readFileSync(join(target, 'plain'), 'utf8')).toBe('p');
    expect(xattrsOf(join(target, 'tool'))).toEqual({ 'user.mine': Buffer.from('m').toString('hex') });
  });
});
