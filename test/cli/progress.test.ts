/** Progress on a real terminal, and nowhere else. */

import { spawn, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePlace, outcomeOf, PROGRAM, writeTree, type Place } from '../support/cli.js';
import { packsOf } from '../support/damage.js';
import { randomLike } from '../support/tree.js';

const hasTerminal = spawnSync('script', ['--version']).error === undefined;

/** What appears on a terminal of 100 columns, control characters and all. */
async function onTerminal(place: Place, args: readonly string[]): Promise<{ exit: number; screen: string }> {
  const command = `stty cols 100; '${process.execPath}' '${PROGRAM}' ${args.map((arg) => `'${arg}'`).join(' ')}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: place.directory,
      TMPDIR: place.temporary,
      NBAK_CACHE_DIR: place.cache,
      NBAK_REPOSITORY: place.repository,
      NBAK_VAULT_KEY: place.key,
    },
  });
  const { exit, stdout } = await outcomeOf(child);
  return { exit, screen: stdout };
}

/** A place with enough to do that progress is drawn. */
async function busyPlace(): Promise<Place> {
  const place = await makePlace();
  for (let i = 0; i < 20; i += 1) writeTree(place.source, { [`f${i}`]: randomLike(8_000_000, i) });
  return place;
}

const CLEARED = '\r\u001b[K';

describe.skipIf(!hasTerminal)('progress on a terminal', () => {
  it('is a bar with rate and time left, in one line that is gone at the end', async () => {
    const place = await busyPlace();
    const { exit, screen } = await onTerminal(place, ['backup', place.source, '--threads', '1']);
    expect(exit).toBe(0);
    const bars = screen.split(CLEARED).filter((line) => /[█░]/.test(line));
    expect(bars.length).toBeGreaterThan(2);
    for (const bar of bars) {
      expect(bar).toMatch(/^(scanning|databases|files|committing) █*░* +\d+ %/);
      expect(bar.length).toBeLessThan(100);
    }
    expect(
      bars.some((bar) => /\d %  [\d.]+ [KM]?i?B\/s  [\d.]+ s left$/.test(bar)),
      bars.join('\n'),
    ).toBe(true);
    const result = screen.slice(screen.lastIndexOf(CLEARED) + CLEARED.length);
    expect(result).toMatch(/^backup [0-9a-f]{64}\r\n/);
  });

  it('is gone before an error is printed', async () => {
    const place = await busyPlace();
    await place.backup();
    for (const pack of packsOf(place.repository).slice(1)) rmSync(join(place.repository, pack));
    const [pack = ''] = packsOf(place.repository);
    rmSync(join(place.repository, pack));
    writeFileSync(join(place.repository, pack), 'rot');
    const { exit, screen } = await onTerminal(place, ['verify']);
    expect(exit).toBe(20);
    for (const line of screen.split('\r\n')) {
      const shown = line.slice(
        line.lastIndexOf(CLEARED) < 0 ? 0 : line.lastIndexOf(CLEARED) + CLEARED.length,
      );
      expect(shown).not.toMatch(/[█░]/);
    }
  });

  it('is not drawn with --quiet or --json', async () => {
    const place = await busyPlace();
    for (const flag of ['--quiet', '--json']) {
      const { exit, screen } = await onTerminal(place, ['backup', place.source, flag]);
      expect(exit).toBe(0);
      expect(screen).not.toMatch(/[█░]/);
    }
  });
});
