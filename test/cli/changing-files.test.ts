/** A source that a process changes without a pause while it is backed up: files vanish, grow, shrink, become others. */

import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makePlace, parseLine, writeTree, type BackupJson, type Place } from '../support/cli.js';
import { randomLike } from '../support/tree.js';

const BACKUPS = 4;
const MiB = 1024 * 1024;

/** Changes everything below a directory until it is killed. */
const CHANGER = `
  const fs = require('node:fs');
  const root = process.argv[1];
  const at = (name) => root + '/' + name;
  process.stdout.write('ready');
  for (let n = 0; ; n += 1) {
    const letter = String.fromCharCode(97 + n % 26);
    fs.appendFileSync(at('grows'), letter.repeat(70_000));
    fs.truncateSync(at('grows'), n % 50 === 0 ? 2_000_000 : fs.statSync(at('grows')).size);
    fs.truncateSync(at('shrinks'), n % 20 === 0 ? 6_000_000 : Math.floor(fs.statSync(at('shrinks')).size * 0.8));
    const other = at('other/' + n % 100);
    fs.rmSync(other, { recursive: true, force: true });
    if (n % 4 === 0) fs.mkdirSync(other);
    if (n % 4 === 1) fs.symlinkSync('/etc/passwd', other);
    if (n % 4 === 2) fs.writeFileSync(other, letter.repeat(1000 + n % 5000));
    if (n % 7 === 0) fs.rmSync(at('vanishes'), { recursive: true, force: true });
    fs.mkdirSync(at('vanishes'), { recursive: true });
    fs.writeFileSync(at('vanishes/' + n % 300), letter.repeat(40_000));
  }
`;

async function changing(place: Place): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ['-e', CHANGER, join(place.source, 'live')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return async () => {
    expect(child.exitCode, 'it changed files until now').toBeNull();
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  };
}

it('is backed up all the same: what held still is right, what did not is said, and everything verifies', async () => {
  const place = await makePlace();
  const still = randomLike(3 * MiB);
  writeTree(place.source, {
    still,
    'live/grows': 'g',
    'live/shrinks': 's',
    'live/other/0': '',
    'live/vanishes/0': '',
  });
  const stop = await changing(place);
  for (let i = 0; i < BACKUPS; i += 1) {
    const outcome = await place.run(['backup', place.source, '--json'], {
      env: { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key },
    });
    const { torn, unreadable, damaged } = parseLine<BackupJson>(outcome);
    expect([...unreadable, ...damaged]).toEqual([]);
    expect(outcome.exit).toBe(torn.length > 0 ? 3 : 0);
    for (const { path, code } of torn)
      expect([path, code]).toEqual([expect.stringContaining('/live/'), 'SOURCE_TORN']);
  }
  await stop();
  expect(await place.verify(0)).toMatchObject({ backups: BACKUPS });
  await place.nbak(0, 'verify', '--decrypt');
  const { target, result } = await place.restore(0);
  expect(result.failed).toEqual([]);
  expect(readFileSync(join(target, 'still')).equals(still)).toBe(true);
  expect(statSync(join(target, 'live')).isDirectory()).toBe(true);
  // Once nothing moves any more, so does nothing in the backup.
  expect((await place.backup()).torn).toEqual([]);
});
