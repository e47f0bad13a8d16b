/** The journal of a restore: it comes back as it was written, and a forged one moves nothing outside the target. */

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor, type CborValue } from '#nbak/format/cbor.js';
import type { BackupId } from '#nbak/format/ids.js';
import type { BytePath } from '#nbak/format/path.js';
import {
  decodeJournal,
  encodeJournal,
  type Journal,
  type SwapVolume,
} from '#nbak/restore/in-place/journal.js';
import { resumeRestore } from '#nbak/restore/in-place/resume.js';
import { withDirectory } from '../support/engine-run.js';
import { isRoot, NOBODY } from '../support/storage-process.js';

const path = (text: string): BytePath => text as BytePath;
const TARGET = path('app');
const MTIME = { seconds: -5, nanoseconds: 999_999_999 };

const VOLUME: SwapVolume = {
  base: path(''),
  staged: path('.nbak-restore/run-1-2-00000000/new'),
  moved: path('../app.pre-restore-20261120T000000Z'),
  directories: [{ path: path(''), mode: 0o4755, uid: 0, gid: 4_294_967_295, mtime: MTIME }],
  steps: [
    { path: path('a\u00ff'), old: { mtime: MTIME, size: 7 }, new: true },
    { path: path('b/c'), old: undefined, new: true },
    { path: path('d'), old: { mtime: MTIME, size: 0 }, new: false },
  ],
};
const JOURNAL: Journal = {
  backup: 'ab'.repeat(32) as BackupId,
  begun: 1,
  keep: true,
  profile: 'generic',
  volumes: [VOLUME],
};

function withVolume(volume: Partial<SwapVolume>): Uint8Array {
  return encodeJournal({ ...JOURNAL, volumes: [{ ...VOLUME, ...volume }] });
}

describe('the journal', () => {
  it('comes back as it was written', () => {
    const second = {
      ...VOLUME,
      base: path('mnt'),
      moved: path('.nbak-restore/pre-restore-x'),
      staged: undefined,
    };
    const steps = VOLUME.steps.filter((step) => !step.new);
    const journal = { ...JOURNAL, volumes: [VOLUME, { ...second, steps }] };
    expect(decodeJournal(encodeJournal(journal), TARGET)).toEqual(journal);
  });

  it.each([
    ['a moved place elsewhere', withVolume({ moved: path('../other') }), 'FORMAT_INVALID'],
    ['a moved place further up', withVolume({ moved: path('../../app.pre-restore-x') }), 'PATH_UNSAFE'],
    [
      'a moved place below a neighbour',
      withVolume({ moved: path('../app.pre-restore-x/../etc') }),
      'PATH_UNSAFE',
    ],
    ['an absolute moved place', withVolume({ moved: path('/etc') }), 'PATH_UNSAFE'],
    ['a staged tree in the target', withVolume({ staged: path('notes') }), 'FORMAT_INVALID'],
    ['a staged tree outside', withVolume({ staged: path('../notes') }), 'PATH_UNSAFE'],
    ['new entries and nothing staged', withVolume({ staged: undefined }), 'FORMAT_INVALID'],
    [
      'a step outside',
      withVolume({ steps: [{ path: path('../x'), old: undefined, new: true }] }),
      'PATH_UNSAFE',
    ],
    [
      'a step over the target itself',
      withVolume({ steps: [{ path: path(''), old: undefined, new: true }] }),
      'FORMAT_INVALID',
    ],
    [
      'a step in the work directory',
      withVolume({ steps: [{ path: path('a/.nbak-restore/x'), old: undefined, new: true }] }),
      'FORMAT_INVALID',
    ],
    [
      'a step below another',
      withVolume({ steps: ['a', 'a/b'].map((each) => ({ path: path(each), old: undefined, new: true })) }),
      'FORMAT_INVALID',
    ],
    [
      'steps out of order',
      withVolume({ steps: ['b', 'a'].map((each) => ({ path: path(each), old: undefined, new: true })) }),
      'FORMAT_INVALID',
    ],
    ['another volume first', withVolume({ base: path('mnt') }), 'FORMAT_INVALID'],
    ['something behind its end', Buffer.concat([encodeJournal(JOURNAL), Buffer.of(0)]), 'FORMAT_INVALID'],
    ['half of it', encodeJournal(JOURNAL).subarray(0, 80), 'FORMAT_INVALID'],
    ['a newer version', versioned(2), 'FORMAT_NEWER'],
    ['no version that ever was', versioned(0), 'FORMAT_INVALID'],
  ] as const)('with %s is refused', (_, bytes, code) => {
    expect(() => decodeJournal(bytes, TARGET)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

function versioned(version: number): Uint8Array {
  const map = new Map(decodeCbor(encodeJournal(JOURNAL), 'it') as ReadonlyMap<string, CborValue>);
  return encodeCbor(map.set('version', version));
}

describe('resuming where somebody else has put a journal', () => {
  /** A target with a journal that moves `secret` of the directory beside it out of the way, if links are followed. */
  function plant(directory: string): {
    readonly target: string;
    readonly work: string;
    readonly secret: string;
  } {
    const [target, outside] = [join(directory, 'app'), join(directory, 'outside')];
    const work = join(target, '.nbak-restore');
    mkdirSync(join(work, 'run-1-2-00000000/new'), { recursive: true });
    chmodSync(work, 0o700);
    mkdirSync(outside);
    const secret = join(outside, 'secret');
    writeFileSync(secret, 'secret');
    symlinkSync('../outside', join(target, 'link'));
    utimesSync(secret, 1000, 1000);
    const old = { mtime: { seconds: 1000, nanoseconds: 0 }, size: 6 };
    const steps = [{ path: path('link/secret'), old, new: false }];
    writeFileSync(join(work, 'journal'), withVolume({ steps, directories: [] }));
    return { target, work, secret };
  }

  it('follows no link out of the target, neither to take something nor to put it there', async () => {
    await withDirectory(async (directory) => {
      const { target, work, secret } = plant(directory);
      expect(await resumeRestore({ target, ifRunning: 'ignore' })).toEqual({
        outcome: 'finished',
        moved: [],
        copies: [],
        notRestored: [],
        nextSteps: [],
      });
      expect(readFileSync(secret, 'utf8')).toBe('secret');
      mkdirSync(join(work, 'run-1-2-00000000/new/link'), { recursive: true });
      chmodSync(work, 0o700);
      writeFileSync(join(work, 'run-1-2-00000000/new/link/other'), 'planted');
      const steps = [{ path: path('link/other'), old: undefined, new: true }];
      writeFileSync(join(work, 'journal'), withVolume({ steps, directories: [] }));
      await expect(resumeRestore({ target, ifRunning: 'ignore' })).rejects.toMatchObject({
        code: 'TARGET_FAILED',
      });
      expect(readdirSync(join(directory, 'outside'))).toEqual(['secret']);
    });
  });

  it('says of what is no directory that it is none', async () => {
    await withDirectory(async (directory) => {
      for (const target of [join(directory, 'absent'), plant(directory).secret])
        await expect(resumeRestore({ target, ifRunning: 'ignore' })).rejects.toMatchObject({
          code: 'TARGET_FAILED',
        });
    });
  });

  it.runIf(isRoot)('refuses a work directory of another owner, or one that others may write', async () => {
    await withDirectory(async (directory) => {
      const { target, work } = plant(directory);
      chmodSync(work, 0o770);
      await expect(resumeRestore({ target, ifRunning: 'ignore' })).rejects.toMatchObject({
        code: 'TARGET_FAILED',
      });
      chmodSync(work, 0o700);
      chownSync(work, NOBODY, NOBODY);
      await expect(resumeRestore({ target, ifRunning: 'ignore' })).rejects.toMatchObject({
        code: 'TARGET_FAILED',
      });
      expect(existsSync(join(work, 'journal'))).toBe(true);
    });
  });
});
