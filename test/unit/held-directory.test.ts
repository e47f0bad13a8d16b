/** Places held below a directory: what they bear, and how many there are. */

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { BytePath } from '#nbak/format/path.js';
import { HeldDirectory, systemPath, type HeldPlace } from '#nbak/restore/held-directory.js';

const MOST_HELD = 256;

function makeTree(directories: number): { base: string; held: HeldDirectory } {
  const base = mkdtempSync(join(tmpdir(), 'nbak-test-held-'));
  for (let i = 0; i < directories; i += 1) mkdirSync(join(base, `d${String(i)}`));
  const held = new HeldDirectory(base);
  onTestFinished(() => {
    held.close();
    rmSync(base, { recursive: true, force: true });
  });
  return { base, held };
}

const path = (text: string): BytePath => text as BytePath;

it('a held place stays where it is, whatever is asked for and swapped meanwhile', () => {
  const { base, held } = makeTree(100);
  const place = held.hold(path('d0/f'));
  for (let i = 1; i < 100; i += 1) held.place(path(`d${String(i)}/f`));
  mkdirSync(join(base, 'outside'));
  renameSync(join(base, 'd0'), join(base, 'moved'));
  symlinkSync('outside', join(base, 'd0'));
  writeFileSync(systemPath(place?.path ?? path('')), 'content');
  expect(readFileSync(join(base, 'moved', 'f'), 'utf8')).toBe('content');
  expect(readdirSync(join(base, 'outside'))).toEqual([]);
});

it('as many directories can be held as may be, each for any number of places, and again when one is released', () => {
  const { held } = makeTree(MOST_HELD + 1);
  const places = Array.from({ length: MOST_HELD }, (_, i) => held.hold(path(`d${String(i)}/f`)) as HeldPlace);
  expect(places).not.toContain(undefined);
  const second = held.hold(path('d0/g'));
  expect(second).toBeDefined();
  expect(held.hold(path(`d${String(MOST_HELD)}/f`))).toBeUndefined();
  second?.release();
  expect(held.hold(path(`d${String(MOST_HELD)}/f`))).toBeUndefined();
  places[0]?.release();
  expect(held.hold(path(`d${String(MOST_HELD)}/f`))).toBeDefined();
});

it('places that are released leave no more directories open than before', () => {
  const { held } = makeTree(300);
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 300; i += 1) held.hold(path(`d${String(i)}/f`))?.release();
  expect(readdirSync('/proc/self/fd').length - before).toBeLessThan(64);
  held.letGo();
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});
