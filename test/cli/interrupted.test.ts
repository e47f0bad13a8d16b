/** Backups that do not end: interrupted, killed, out of space. What was there stays good, and the next run works. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runWriter } from '../capture/support/processes.js';
import { halted, signalled, type Begun } from '../support/caught-run.js';
import { makePlace, outcomeOf, parseLine, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { objectsOf, packsOf } from '../support/damage.js';
import { allBytes, describeTree, randomLike } from '../support/tree.js';

const MiB = 1024 * 1024;
const CANARY = 'PLAINTEXT-CANARY';
const KILLS = process.env['SLOW'] === '1' ? 200 : 10;

/** An earlier backup, and then much more to back up: files of random bytes, text and a database, all with canaries. */
async function backedUpAndGrown(mebibytes: number): Promise<{ place: Place; first: string }> {
  const place = await makePlace();
  writeTree(place.source, { 'notes.txt': `${CANARY} first` });
  const { id } = await place.backup();
  grow(place, mebibytes, 1);
  for (let i = 0; i < 100; i += 1)
    writeTree(place.source, { [`small/${String(i)}`]: `${CANARY} ${String(i)}` });
  runWriter('create', 'wal', join(place.source, 'state.db'));
  return { place, first: id };
}

/** Puts other bytes into the large files. */
function grow(place: Place, mebibytes: number, seed: number): void {
  const files = Array.from({ length: mebibytes / 5 }, (_, i) => {
    const bytes = randomLike(5 * MiB, seed + i);
    bytes.write(CANARY, 1000);
    return [`large/${String(i)}`, bytes] as const;
  });
  writeTree(place.source, Object.fromEntries(files));
}

/** Begins backups of which each has as much to do, and waits for what `written` counts to become more. */
function growing(place: Place, mebibytes: number, written: () => number): () => Begun {
  let seed = 1;
  return () => {
    const before = written();
    const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
    grow(place, mebibytes, (seed += 1000));
    const run = place.start(['backup', place.source, '--json', ...key]);
    return { run, isThere: () => written() > before };
  };
}

/** The repository verifies, the backup in it restores, a new one can be made, and nothing plain is left anywhere. */
async function expectUnharmed(place: Place): Promise<void> {
  await place.verify(0);
  expectNothingPlain(place);
  await place.backup();
  await place.verify(0);
  const { target } = await place.restore(0);
  // The database is the same to SQLite, not to the byte: capture tests say how.
  const without = { without: ['state.db'] };
  expect(describeTree(target, without)).toEqual(describeTree(place.source, without));
  expectNothingPlain(place);
}

function expectNothingPlain(place: Place): void {
  for (const directory of [place.repository, place.cache, place.temporary])
    expect(allBytes(directory).includes(CANARY), directory).toBe(false);
}

/** Processes that were started with this test's TMPDIR and are still there. */
function processesOf(place: Place): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${place.temporary}`)
      );
    } catch {
      return false;
    }
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Where a restore into `target` makes what it restores (§22.2). */
function hiddenTreeOf(target: string): string {
  return join(target, namesIn(target).find((name) => name.startsWith('.nbak-restore-')) ?? '', 'tree');
}

async function allGone(place: Place): Promise<void> {
  for (let i = 0; i < 200 && processesOf(place).length > 0; i += 1) await sleep(25);
  expect(processesOf(place)).toEqual([]);
}

describe('a run that is interrupted', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'during backup by %s ends with exit 130 and one line, and leaves what was there as it was',
    async (signal) => {
      const { place } = await backedUpAndGrown(40);
      let manifests: readonly string[] = [];
      const begin = growing(place, 40, () => packsOf(place.repository).length);
      const outcome = await signalled(signal, () => {
        manifests = objectsOf(place.repository, 'manifests/');
        return begin();
      });
      expect(outcome).toMatchObject({ exit: 130, stderr: '' });
      expect(parseLine<ErrorJson>(outcome).error.code).toBe('INTERRUPTED');
      expect(objectsOf(place.repository, 'manifests/')).toEqual(manifests);
      expect(objectsOf(place.repository, 'tmp/')).toEqual([]);
      await allGone(place);
      await expectUnharmed(place);
    },
  );

  it('holds up no other: a second run of the source exits 11 while the first lives, and not once that was killed', async () => {
    const { place } = await backedUpAndGrown(100);
    // The first bytes of a pack are written: the lock is held, and most is still to do.
    const first = await halted(growing(place, 100, () => objectsOf(place.repository, 'tmp/').length));
    const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
    const second = await place.run(['backup', place.source, '--json', ...key]);
    expect(second.exit).toBe(11);
    expect(parseLine<ErrorJson>(second).error).toMatchObject({ code: 'REPOSITORY_BUSY' });
    first.child.kill('SIGKILL');
    await first.ended;
    await allGone(place);
    await expectUnharmed(place);
  });

  it(
    'by kill -9 at any moment of a backup leaves a repository that verifies, and nothing plain anywhere',
    async () => {
      const { place, first } = await backedUpAndGrown(30);
      const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
      let seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
      console.info(`seed ${String(seed)}`);
      // Something new each time, so that each run has something to write.
      const change = (round: number): void =>
        writeTree(place.source, { [`large/${String(round % 6)}`]: randomLike(5 * MiB, 1000 + round) });
      await place.backup();
      change(KILLS);
      const begun = Date.now();
      await place.backup();
      let wholeMs = Date.now() - begun;
      let [killed, halfway, done] = [0, 0, 0];
      for (let round = 0; killed < KILLS; round += 1) {
        change(round);
        const before = objectsOf(place.repository, '').length;
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        const delay = seed % Math.ceil(1.1 * wholeMs);
        const run = place.start(['backup', place.source, ...key]);
        // From before it reads anything to after its commit, however fast this machine is just now.
        await sleep(delay);
        run.child.kill('SIGKILL');
        if ((await run.ended).exit === 0) {
          done += 1;
          wholeMs = Math.min(wholeMs, delay + 1);
        } else {
          killed += 1;
          if (objectsOf(place.repository, '').length > before) halfway += 1;
        }
        await allGone(place);
        expectNothingPlain(place);
        const { problems } = await place.verify(0);
        expect(problems).toEqual([]);
      }
      const sum = `${String(killed)} killed`;
      console.info(`${sum}, ${String(halfway)} with something stored, ${String(done)} were quicker`);
      await expectUnharmed(place);
      await place.nbak(0, 'verify', first);
      await place.nbak(0, 'verify', '--decrypt');
    },
    KILLS * 60_000,
  );

  it.each(['SIGKILL', 'SIGINT'] as const)(
    'during restore by %s leaves no file under its name that is not whole',
    async (signal) => {
      const { place } = await backedUpAndGrown(40);
      await place.backup();
      const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
      let [count, target] = [0, ''];
      const outcome = await signalled(signal, () => {
        target = place.path(`out-${String((count += 1))}`);
        const run = place.start(['restore', 'latest', '--target', target, ...key]);
        const isThere = (): boolean => namesIn(join(hiddenTreeOf(target), 'large')).length >= 3;
        return { run, isThere };
      });
      expect(outcome.exit).toBe(signal === 'SIGINT' ? 130 : 137);
      if (signal === 'SIGKILL') {
        expect(namesIn(target).filter((name) => !name.startsWith('.nbak-restore-'))).toEqual([]);
        return;
      }
      expect(namesIn(target).filter((name) => name.startsWith('.nbak-restore-'))).toEqual([]);
      expect(namesIn(join(target, 'large')).length).toBeGreaterThanOrEqual(3);
      for (const directory of ['large', 'small']) {
        for (const name of namesIn(join(target, directory))) {
          const [restored, original] = [join(target, directory, name), join(place.source, directory, name)];
          expect(readFileSync(restored).equals(readFileSync(original)), name).toBe(true);
        }
      }
    },
  );

  it('by SIGINT in the middle of one large file does not wait for its end, neither in backup nor in restore', async () => {
    const place = await makePlace();
    const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
    let [count, before] = [0, 0];
    const backup = await signalled('SIGINT', () => {
      writeTree(place.source, { large: randomLike(120 * MiB, (count += 1)) });
      before = bytesUnder(place.repository);
      const packs = packsOf(place.repository).length;
      const run = place.start(['backup', place.source, ...key]);
      return { run, isThere: () => packsOf(place.repository).length > packs };
    });
    expect(backup.exit).toBe(130);
    expect(bytesUnder(place.repository) - before).toBeLessThan(110 * MiB);

    await place.backup();
    let target = '';
    const restore = await signalled('SIGINT', () => {
      target = place.path(`out-${String((count += 1))}`);
      const run = place.start(['restore', 'latest', '--target', target, ...key]);
      return { run, isThere: () => bytesUnder(target) >= MiB };
    });
    expect(restore.exit).toBe(130);
    expect(restore.stderr).toContain('INTERRUPTED');
    expect(readdirSync(target)).toEqual([]);
  });
});

describe('a storage that is full', () => {
  it('ends the backup in one line; what was there verifies, and with more space the next run uses what was stored', async (test) => {
    const place = await makePlace({ init: false });
    mkdirSync(place.repository);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', place.repository], { stdio: 'pipe' });
    } catch {
      test.skip(true, 'no file system can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', [place.repository]));
    await place.nbak(0, 'init');
    writeTree(place.source, { a: 'a' });
    const { id } = await place.backup();
    for (let i = 0; i < 12; i += 1)
      writeFileSync(join(place.source, `large-${String(i)}`), randomLike(5 * MiB, i));

    const outcome = await place.nbak(1, 'backup', place.source);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(/^nbak: [^\n]+ \[STORAGE_FULL\]\n( {6}[^\n]+\n)?$/);
    expect(objectsOf(place.repository, 'tmp/')).toEqual([]);
    expect(objectsOf(place.repository, 'manifests/')).toEqual([`manifests/${id}`]);
    await place.verify(0);
    await place.nbak(0, 'cat', id, 'a');

    execFileSync('mount', ['-o', 'remount,size=100m', place.repository]);
    const second = await place.backup();
    // At least one whole pack of the failed run is there already.
    expect(second.bytesAdded).toBeLessThan(46 * MiB);
    await place.verify(0);
    const { target } = await place.restore(0);
    expect(describeTree(target)).toEqual(describeTree(place.source));
  });
});

describe('several machines at once', () => {
  it('back up into one repository without harm, and all backups are there', async () => {
    const place = await makePlace();
    writeTree(place.source, { big: randomLike(3 * MiB), 'dir/small': 's' });
    const runs = await Promise.all(
      [1, 2, 3].map((machine) =>
        outcomeOf(
          place.start(['backup', place.source, '-r', place.repository, '--vault-key-file', place.keyFile], {
            // A cache of its own makes each a machine of its own: on one machine the second is told to wait.
            env: { NBAK_CACHE_DIR: place.path(`cache-${String(machine)}`) },
          }).child,
        ),
      ),
    );
    expect(runs.map(({ exit }) => exit)).toEqual([0, 0, 0]);
    expect(await place.verify(0)).toMatchObject({ backups: 3 });
    const { target } = await place.restore(0);
    expect(describeTree(target)).toEqual(describeTree(place.source));
  });
});

/** Bytes of all files below a directory that may not exist yet, or change while it is looked at. */
function bytesUnder(directory: string): number {
  try {
    return (readdirSync(directory, { recursive: true }) as string[]).reduce((sum, name) => {
      const stat = statSync(join(directory, name), { throwIfNoEntry: false });
      return sum + (stat?.isFile() === true ? stat.size : 0);
    }, 0);
  } catch {
    return 0;
  }
}
