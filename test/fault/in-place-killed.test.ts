/** kill -9 at random moments of a restore in place: the directory is old, new, or finished by `--resume`. */

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makePlace, parseLine, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { copyWorld } from '../support/over-scene.js';
import { describeState, LEAVING_OUT, writeFirstState, writeSecondState } from '../support/state-directory.js';
import { allBytes } from '../support/tree.js';

const KILLS = process.env['SLOW'] === '1' ? 200 : 10;
/** A flat directory with something to leave alone in it: its entries are swapped one by one. */
const SINGLE_FILES = 300;
const CANARY = 'PLAINTEXT-CANARY';

/** Numbers from 0 to 1 that a printed seed brings back. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
}

function writeSingleFiles(state: string, content: string): void {
  for (let i = 0; i < SINGLE_FILES; i += 1)
    writeTree(state, { [`flat/${String(i)}`]: `${CANARY} ${content} ${String(i)}` });
  writeTree(state, { 'flat/stays.log': 'stays' });
}

function restoreArgs(place: Place, backup: string): readonly string[] {
  const key = ['-r', place.repository, '--vault-key-file', place.keyFile];
  return ['restore', backup, '--in-place', place.source, '--no-safety-backup', ...key];
}

async function allGone(place: Place): Promise<void> {
  const count = (): number =>
    readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(place.temporary);
      } catch {
        return false;
      }
    }).length;
  for (let i = 0; i < 400 && count() > 0; i += 1) await sleep(10);
}

function putBack(place: Place, pristine: string): void {
  for (const name of readdirSync(place.directory))
    if (name.startsWith('source')) rmSync(place.path(name), { recursive: true });
  copyWorld(pristine, place.source);
}

describe('kill -9 of a restore in place', () => {
  it(
    'at random moments leaves the old state, the new one, or a journal; what follows works without help',
    async () => {
      const place = await makePlace();
      writeFirstState(place.source);
      writeSingleFiles(place.source, 'one');
      const first = describeState(place.source).slice(1);
      const { id } = await place.backup(...LEAVING_OUT);
      writeSecondState(place.source);
      writeSingleFiles(place.source, 'two');
      const second = describeState(place.source).slice(1);
      const pristine = place.path('pristine');
      copyWorld(place.source, pristine);
      const startedAt = Date.now();
      expect(await place.run(restoreArgs(place, id))).toMatchObject({ exit: 0 });
      const usual = Date.now() - startedAt;

      const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
      console.info(`seed ${String(seed)}`);
      const random = randomFrom(seed);
      const seen = { old: 0, new: 0, journal: 0 };
      // A swap is short: on a busy machine it can be over each time before this process looks.
      for (let round = 0; round < KILLS || (seen.journal === 0 && round < 5 * KILLS); round += 1) {
        putBack(place, pristine);
        const run = place.start(restoreArgs(place, id));
        const swapping = round % 2 === 0;
        // Every other time within the swap, which is short.
        if (swapping) {
          const marker = join(place.source, 'NBAK-RESTORE-UNFINISHED.txt');
          while (!existsSync(marker) && run.child.exitCode === null) await sleep(1);
          await sleep(random() * 15);
        } else await sleep(random() * usual * 1.1);
        run.child.kill('SIGKILL');
        await run.ended;
        await allGone(place);
        const what = `seed ${String(seed)} round ${String(round)}`;

        const stands = existsSync(join(place.source, '.nbak-restore/journal'));
        if (stands) await expectRefusals(place, id, what);
        if (!stands && random() < 0.5) {
          // The next restore needs nobody's help.
          expect(await place.run(restoreArgs(place, id)), what).toMatchObject({ exit: 0 });
          expect(describeState(place.source).slice(1), what).toEqual(first);
        } else {
          const resumed = await place.run(['restore', '--resume', place.source, '--json']);
          expect(resumed, what).toMatchObject({ exit: 0 });
          const { outcome } = parseLine<{ outcome: string }>(resumed);
          if (stands) expect(outcome, what).toBe('finished');
          const now = describeState(place.source).slice(1);
          const isNew = JSON.stringify(now) === JSON.stringify(first);
          if (stands || isNew) expect(now, what).toEqual(first);
          else expect(now, what).toEqual(second);
          seen[stands ? 'journal' : isNew ? 'new' : 'old'] += 1;
        }
        expect(readFileSync(join(place.source, 'flat/stays.log'), 'utf8')).toBe('stays');
        expect(readFileSync(join(place.source, 'logs/app.log'), 'utf8')).toBe('first\nsecond\n');
        expect(
          readdirSync(place.source).filter((name) => /nbak/i.test(name)),
          what,
        ).toEqual([]);
        for (const directory of [place.repository, place.cache, place.temporary])
          expect(allBytes(directory).includes(CANARY), `${what} ${directory}`).toBe(false);
      }
      console.info(JSON.stringify(seen));
      expect(seen.journal).toBeGreaterThan(0);
      await place.verify(0);
      await place.backup(...LEAVING_OUT);
    },
    KILLS * 60_000,
  );
});

/** Every command that meets the journal says so, and none makes it worse. */
async function expectRefusals(place: Place, id: string, what: string): Promise<void> {
  const key = ['-r', place.repository, '--vault-key-file', place.keyFile, '--json'];
  for (const args of [
    ['backup', place.source],
    ['backup', join(place.source, 'logs')],
    ['restore', id, '--in-place', place.source],
    ['restore', id, '--target', place.source],
    ['restore', id, '--target', join(place.source, 'inside')],
  ]) {
    const outcome = await place.run([...args, ...key]);
    expect(parseLine<ErrorJson>(outcome).error, `${what} ${args.join(' ')}`).toMatchObject({
      code: 'RESTORE_UNFINISHED',
    });
    expect(outcome.exit).toBe(1);
  }
}
