import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { comparePaths } from '#nbak/format/path.js';
import type { BytePath } from '#nbak/format/path.js';
import { DirectoryHandle } from '#nbak/source/directory-handle.js';
import { seenEntry, type SourceEntry } from '#nbak/source/entry.js';
import { pathBelow, resolveRoot, sourcePath } from '#nbak/source/root.js';
import { lookAt, walk } from '#nbak/source/walk.js';
import type { SourceProblem, WalkOptions } from '#nbak/source/walk.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nbak-walk-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const fail = (problem: SourceProblem): never => {
  throw new Error(problem.message);
};
function entries(source: string | Uint8Array, options: Partial<WalkOptions> = {}): SourceEntry[] {
  const resolved = resolveRoot(source);
  const seen = [...walk(resolved, { onProblem: fail, ...options })];
  return seen.map((entry) => {
    const exact = lookAt(resolved, entry.path);
    if (exact === undefined) throw new Error(`${entry.path} is gone`);
    // What the walk saw is what an exact look sees, as far as its numbers go.
    const { path, kind, mode, uid, gid, size, links } = exact;
    expect(entry).toMatchObject({ path, kind, mode, uid, gid, size, links, inode: Number(exact.inode) });
    return exact;
  });
}
const paths = (list: readonly SourceEntry[]): string[] => list.map((entry) => entry.path);

test('a path below a root is what leads from it to there, also from the top of the file system', () => {
  for (const directory of ['/', '/a', '/a/b']) {
    const below = 'c/d.db' as BytePath;
    const absolute = sourcePath({ directory }, below).toString('latin1');
    expect(pathBelow({ directory }, absolute)).toBe(below);
  }
  for (const elsewhere of ['/ab/c', '/a', '/b/a/c'])
    expect(pathBelow({ directory: '/a' }, elsewhere)).toBeUndefined();
});

describe('The walk', () => {
  test('yields the root first and everything in path order, whatever the names', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.array(fc.constantFrom('a', 'b', 'a-', 'a.b', 'a0', 'é', 'A', ' '), {
            minLength: 1,
            maxLength: 4,
          }),
        ),
        (files) => {
          const directory = mkdtempSync(join(root, 'tree-'));
          for (const parts of files) mkdirSync(join(directory, ...parts), { recursive: true });
          const found = paths(entries(directory)) as BytePath[];
          expect(found[0]).toBe('');
          expect(found).toEqual([...found].sort(comparePaths));
          expect(found).toHaveLength(1 + readdirSync(directory, { recursive: true }).length);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('keeps names that are not UTF-8, byte for byte', () => {
    const name = Buffer.from([0x66, 0xff, 0xc3, 0x28]);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), 'x');
    symlinkSync(name, join(root, 'link'));
    expect(entries(root)).toMatchObject([
      { path: '' },
      { path: name.toString('latin1'), kind: 'file', size: 1 },
      { path: 'link', kind: 'symlink', target: name.toString('latin1') },
    ]);
  });

  test('tells what lstat tells, times to the nanosecond, also before 1970', () => {
    const file = join(root, 'f');
    writeFileSync(file, 'hello', { mode: 0o640 });
    chmodSync(file, 0o4755);
    execFileSync('touch', ['-m', '-d', '1969-12-31T23:59:58.75Z', file]);
    const entry = entries(root)[1];
    const stat = lstatSync(file, { bigint: true });
    expect(entry).toMatchObject({
      kind: 'file',
      mode: 0o4755,
      size: 5,
      links: 1,
      inode: stat.ino,
      device: stat.dev,
      uid: Number(stat.uid),
      mtime: { seconds: -2, nanoseconds: 750_000_000 },
      ctime: {
        seconds: Number(stat.ctimeNs / 1_000_000_000n),
        nanoseconds: Number(stat.ctimeNs % 1_000_000_000n),
      },
    });
  });

  test('names special files and never follows links', async () => {
    mkdirSync(join(root, 'dir'));
    writeFileSync(join(root, 'dir', 'inside'), '');
    symlinkSync('dir', join(root, 'to-dir'));
    symlinkSync('nowhere', join(root, 'dangling'));
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const server = createServer().listen(join(root, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const kinds = Object.fromEntries(entries(root).map((entry) => [entry.path, entry.kind]));
    server.close();
    expect(kinds).toEqual({
      '': 'directory',
      dangling: 'symlink',
      dir: 'directory',
      'dir/inside': 'file',
      fifo: 'fifo',
      socket: 'socket',
      'to-dir': 'symlink',
    });
  });

  test('splits device numbers as the system does', () => {
    const entry = entries('/dev/null').find(({ path }) => path === 'null');
    expect(entry).toMatchObject({ kind: 'character-device', deviceNumber: { major: 1, minor: 3 } });
  });

  test('resolves a link given as root, and takes a single file with its directory as root', () => {
    mkdirSync(join(root, 'real'));
    writeFileSync(join(root, 'real', 'one'), '1');
    writeFileSync(join(root, 'real', 'two'), '2');
    symlinkSync('real', join(root, 'link'));
    expect(paths(entries(join(root, 'link')))).toEqual(['', 'one', 'two']);
    expect(paths(entries(join(root, 'real', 'two')))).toEqual(['', 'two']);
  });

  test('fails when the root is not there', () => {
    expect(() => entries(join(root, 'absent'))).toThrow(
      expect.objectContaining({ code: 'SOURCE_NOT_FOUND' }) as Error,
    );
  });

  test('leaves out what the rule says, with everything below it', () => {
    mkdirSync(join(root, 'a', 'b'), { recursive: true });
    writeFileSync(join(root, 'a', 'b', 'c'), '');
    writeFileSync(join(root, 'z'), '');
    const asked: string[] = [];
    const found = entries(root, {
      exclude: (path, isDirectory) => {
        asked.push(path);
        return path === 'a/b' && isDirectory;
      },
    });
    expect(paths(found)).toEqual(['', 'a', 'z']);
    expect(asked).not.toContain('a/b/c');
  });

  test('keeps of a tagged cache only the directory and its tag', () => {
    for (const [name, text] of [
      ['cache', 'Signature: 8a477f597d28d172789f06886806bc55\n# by a test'],
      ['liar', 'Signature: 00000000000000000000000000000000'],
    ] as const) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'CACHEDIR.TAG'), text);
      writeFileSync(join(root, name, 'content'), '');
    }
    const found = paths(entries(root, { excludeCaches: true }));
    expect(found).toEqual(['', 'cache', 'cache/CACHEDIR.TAG', 'liar', 'liar/CACHEDIR.TAG', 'liar/content']);
    expect(paths(entries(root))).toContain('cache/content');
  });

  test('never enters what skipInode names', () => {
    mkdirSync(join(root, 'repository'));
    writeFileSync(join(root, 'repository', 'packs'), '');
    const { dev, ino } = lstatSync(join(root, 'repository'));
    expect(paths(entries(root, { skipInode: (device, inode) => device === dev && inode === ino }))).toEqual([
      '',
    ]);
  });

  test('skips silently what vanishes, and goes on', () => {
    for (const name of ['a', 'b', 'c']) mkdirSync(join(root, name));
    const found: string[] = [];
    for (const entry of walk(resolveRoot(root), { onProblem: fail })) {
      found.push(entry.path);
      if (entry.path === 'a') {
        rmSync(join(root, 'a'), { recursive: true });
        rmSync(join(root, 'b'), { recursive: true });
      }
    }
    expect(found).toEqual(['', 'a', 'c']);
  });

  test('on one filesystem keeps the mount point and skips its content', () => {
    const names = entries('/', {
      oneFileSystem: true,
      exclude: (path) => path !== 'proc' && !path.startsWith('proc/'),
    });
    expect(paths(names)).toEqual(['', 'proc']);
  });
});

describe('The walk over many entries', () => {
  test('sees in open directories exactly what lstat sees by path', async () => {
    for (let i = 0; i < 2500; i += 1) writeFileSync(join(root, `many-${i}`), 'x'.repeat(i % 3));
    const late = join(root, 'z', 'deeper');
    mkdirSync(late, { recursive: true });
    writeFileSync(join(late, 'early'), 'hello', { mode: 0o600 });
    chmodSync(join(late, 'early'), 0o4751);
    execFileSync('touch', ['-m', '-d', '1969-12-31T23:59:58.123456789Z', join(late, 'early')]);
    execFileSync('touch', ['-m', '-d', '2199-06-07T01:02:03.999999999Z', join(late, 'é')]);
    execFileSync('truncate', ['-s', '9000000000', join(late, 'large')]);
    symlinkSync('early', join(late, 'link'));
    execFileSync('mkfifo', [join(late, 'fifo')]);
    writeFileSync(Buffer.concat([Buffer.from(`${late}/`), Buffer.from([0x66, 0xff])]), '');
    const server = createServer().listen(join(late, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const source = resolveRoot(root);
    const seen = [...walk(source, { onProblem: fail })];
    expect(seen).toHaveLength(2510);
    for (const entry of seen.filter(({ path }) => path.startsWith('z/') || path.endsWith('00'))) {
      const stat = lstatSync(sourcePath(source, entry.path));
      expect(entry).toEqual(seenEntry(entry.path, stat));
    }
    server.close();
    const handle = DirectoryHandle.open(Buffer.from(late));
    expect(handle?.see('early', 'early' as BytePath)?.mode).toBe(0o4751);
    expect(handle?.see('absent', 'absent' as BytePath)).toBeUndefined();
    handle?.close();
  });

  test('holds no directory open when it is over, or given up', () => {
    for (let i = 0; i < 2500; i += 1) writeFileSync(join(root, `many-${i}`), '');
    mkdirSync(join(root, 'z', 'deeper'), { recursive: true });
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    const given = walk(resolveRoot(root), { onProblem: fail });
    for (const { path } of given) {
      if (path !== 'many-7') continue;
      expect(open()).toBe(before + 1);
      break;
    }
    expect(open()).toBe(before);
    expect([...walk(resolveRoot(root), { onProblem: fail })]).toHaveLength(2503);
    expect(open()).toBe(before);
  });
});

describe.runIf(process.getuid?.() === 0)('The walk of another user', () => {
  test('reports what it may not read and goes on', () => {
    mkdirSync(join(root, 'closed'), { mode: 0o700 });
    writeFileSync(join(root, 'open'), '');
    chmodSync(root, 0o755);
    const problems: SourceProblem[] = [];
    const user = process.geteuid?.() ?? 0;
    let found: string[] = [];
    process.seteuid?.(65_534);
    try {
      found = paths(entries(root, { onProblem: (problem) => problems.push(problem) }));
    } finally {
      process.seteuid?.(user);
    }
    expect(found).toEqual(['', 'closed', 'open']);
    expect(problems).toMatchObject([{ path: 'closed', code: 'SOURCE_UNREADABLE' }]);
  });
});
