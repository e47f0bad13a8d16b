import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOwners } from '#nbak/source/owners.js';
import { openSourceFile } from '#nbak/source/read-file.js';
import type { SourceFile } from '#nbak/source/read-file.js';
import { isSettled, isUnchanged } from '#nbak/source/unchanged.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nbak-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(name: string): SourceFile {
  const file = openSourceFile(Buffer.from(join(directory, name)));
  if (file === undefined) throw new Error(`${name} is no plain file`);
  return file;
}
const read = (file: SourceFile): Buffer => {
  const target = Buffer.alloc(file.size + 1);
  return target.subarray(0, file.readInto(target));
};

describe('Reading a file', () => {
  test.each([0, 1, 4095, 4096, 4097, 100_000])('of %i bytes gives its bytes', (size) => {
    const content = Buffer.from(Array.from({ length: size }, (_, i) => i % 251));
    writeFileSync(join(directory, 'f'), content);
    using file = open('f');
    expect(read(file)).toEqual(content);
    expect(file.hasChanged()).toBe(false);
  });

  test.each([
    ['longer', (path: string) => appendFileSync(path, 'more')],
    ['shorter', (path: string) => writeFileSync(path, 'x')],
    ['other bytes of the same length', (path: string) => writeFileSync(path, 'X'.repeat(10_000))],
  ])('notices that it became %s, in the very moment of opening too', (_what, change) => {
    const path = join(directory, 'f');
    for (let i = 0; i < 20; i += 1) {
      writeFileSync(path, 'x'.repeat(10_000));
      using file = open('f');
      change(path);
      read(file);
      expect(file.hasChanged()).toBe(true);
    }
  });

  test('says unchanged again when it is read again', () => {
    writeFileSync(join(directory, 'f'), 'abc');
    using first = open('f');
    appendFileSync(join(directory, 'f'), 'def');
    read(first);
    expect(first.hasChanged()).toBe(true);
    using second = open('f');
    expect(read(second).toString()).toBe('abcdef');
    expect(second.hasChanged()).toBe(false);
  });

  test('does not wait at a fifo, follow a link, or fail for what is gone', () => {
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    writeFileSync(join(directory, 'f'), '');
    symlinkSync('f', join(directory, 'link'));
    for (const name of ['fifo', 'link', 'gone', '.', 'f/below']) {
      expect(openSourceFile(Buffer.from(join(directory, name)))).toBeUndefined();
    }
  });

  test('leaves the access time alone', () => {
    const path = join(directory, 'f');
    writeFileSync(path, 'abc');
    utimesSync(path, 1, 1000);
    using file = open('f');
    read(file);
    expect(statSync(path).atimeMs).toBe(1000);
  });

  test.runIf(process.getuid?.() === 0)(
    'reports what it may not read, and reads what belongs to another',
    () => {
      writeFileSync(join(directory, 'secret'), 'x', { mode: 0o600 });
      writeFileSync(join(directory, 'public'), 'abc', { mode: 0o644 });
      execFileSync('chmod', ['755', directory]);
      process.seteuid?.(65_534);
      try {
        expect(() => open('secret')).toThrow(expect.objectContaining({ code: 'SOURCE_UNREADABLE' }) as Error);
        using file = open('public');
        expect(read(file).toString()).toBe('abc');
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});

describe('Unchanged', () => {
  const startedAt = 1_700_000_000_000;
  const old = { seconds: 1_699_000_000, nanoseconds: 123_456_789 };
  const file = { size: 1, inode: 7n, mtime: old, ctime: old };
  const seen = { size: 1, inode: 7, mtimeMs: 1_699_000_000_123.456_789, ctimeMs: 1_699_000_000_123.456_789 };

  test('is a file whose size, times and inode are the same and old enough', () => {
    expect(isUnchanged(file, seen, startedAt)).toBe(true);
  });

  test.each([
    ['size', { size: 2 }],
    ['inode', { inode: 8 }],
    ['mtime', { mtimeMs: seen.mtimeMs + 0.001 }],
    ['ctime', { ctimeMs: seen.ctimeMs - 0.001 }],
  ])('is not one whose %s differs', (_what, difference) => {
    expect(isUnchanged(file, { ...seen, ...difference }, startedAt)).toBe(false);
  });

  test('compares times as the walk gives them, whatever their nanoseconds', () => {
    const path = join(directory, 'f');
    for (let i = 0; i < 50; i += 1) {
      writeFileSync(path, 'x');
      utimesSync(path, 1_600_000_000 + i, 1_600_000_000 + i * 1.000_001_7);
      using exact = open('f');
      const { size, mtimeMs, ctimeMs, ino } = statSync(path);
      const now = { size, mtimeMs, ctimeMs, inode: ino };
      expect(isUnchanged(exact, now, Date.now() + 10_000)).toBe(true);
    }
  });

  test.each([
    [{ seconds: 1_699_999_997, nanoseconds: 999_000_000 }, true],
    [{ seconds: 1_699_999_998, nanoseconds: 0 }, false],
    [{ seconds: 2_000_000_000, nanoseconds: 0 }, false],
  ])('is settled with times of %j, for a run that started at 1700000000 s: %j', (time, expected) => {
    expect(isSettled({ mtime: old, ctime: time }, startedAt)).toBe(expected);
    expect(isSettled({ mtime: time, ctime: old }, startedAt)).toBe(expected);
  });
});

describe('Owners', () => {
  test('names by number and numbers by name, the first line winning', () => {
    const passwd = join(directory, 'passwd');
    writeFileSync(
      passwd,
      'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n\nbroken\napp:x:1000:1000::/:\n',
    );
    const owners = readOwners({ passwd, group: join(directory, 'absent') });
    expect(owners.userName(0)).toBe('root');
    expect(owners.userName(1000)).toBe('app');
    expect(owners.userName(4711)).toBe('');
    expect(owners.userId('toor')).toBe(0);
    expect(owners.userId('nobody-here')).toBeUndefined();
    expect(owners.groupName(0)).toBe('');
  });

  test("of this machine are the system's", () => {
    expect(readOwners().userName(0)).toBe('root');
    expect(readOwners().userId('root')).toBe(0);
  });
});
