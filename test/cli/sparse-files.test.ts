/** Sparse files: what was never written is neither read nor stored, and is a hole again where it is restored. */

import { closeSync, ftruncateSync, openSync, readSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makePlace, type BackupJson, type Json, type Place, type RestoreJson } from '../support/cli.js';
import { objectsOf } from '../support/damage.js';
import { randomLike } from '../support/tree.js';

const MiB = 1024 * 1024;
const isSlow = process.env['SLOW'] === '1';

/** A file of `size` with `bytes` at each of the places, and holes between them. */
function writeSparse(path: string, size: number, parts: Readonly<Record<number, Uint8Array>>): void {
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, size);
  for (const [place, bytes] of Object.entries(parts))
    writeSync(descriptor, bytes, 0, bytes.length, Number(place));
  closeSync(descriptor);
}

function bytesAt(path: string, position: number, length: number): Buffer {
  const descriptor = openSync(path, 'r');
  const bytes = Buffer.alloc(length);
  readSync(descriptor, bytes, 0, length, position);
  closeSync(descriptor);
  return bytes;
}

/** Bytes that a file takes on its disk. */
function taken(path: string): number {
  return statSync(path).blocks * 512;
}

async function backedUpAndRestored(
  place: Place,
): Promise<{ backup: BackupJson; target: string; result: RestoreJson & { bytes: number } }> {
  const backup = await place.backup();
  await place.nbak(0, 'verify', '--decrypt');
  const { target, result } = await place.restore(0);
  return { backup, target, result: result as RestoreJson & { bytes: number } };
}

describe('a sparse file', () => {
  const size = isSlow ? 5 * 1024 * MiB : 256 * MiB;
  beforeAll(() => {
    if (!isSlow) console.info('256 MiB instead of 5 GiB: SLOW=1 is not set');
  });

  it(`of ${String(size / MiB)} MiB is read, stored and restored as what is written in it`, async () => {
    const place = await makePlace();
    const path = join(place.source, 'disk.img');
    const parts = {
      0: randomLike(3 * MiB, 1),
      [size / 2]: randomLike(100, 2),
      [size - 70_000]: randomLike(5000, 3),
    };
    writeSparse(path, size, parts);
    const { backup, target, result } = await backedUpAndRestored(place);
    expect(backup.bytesRead).toBe(result.bytes);
    expect(backup.bytesRead).toBeLessThan(4 * MiB);
    expect(backup.bytesAdded).toBeLessThan(4 * MiB);
    const copy = join(target, 'disk.img');
    expect(statSync(copy).size).toBe(size);
    expect(taken(copy)).toBeLessThanOrEqual(taken(path) + 64 * 1024);
    for (const [place, bytes] of Object.entries(parts)) {
      expect(bytesAt(copy, Number(place), bytes.length).equals(bytes), place).toBe(true);
      expect(
        bytesAt(copy, Number(place) + bytes.length, 1000).every((byte) => byte === 0),
        place,
      ).toBe(true);
    }
    const { entries } = await place.json<{ entries: readonly Json[] }>(0, 'ls', 'latest', 'disk.img');
    expect(entries).toMatchObject([{ size, holeBytes: size - result.bytes }]);
  });

  it('is the same again when nothing changed, and what is written into a hole is stored', async () => {
    const place = await makePlace();
    const path = join(place.source, 'disk.img');
    writeSparse(path, 20 * MiB, { [8 * MiB]: randomLike(2 * MiB, 1) });
    const first = await place.backup();
    const again = await place.backup();
    expect([first.bytesRead, again.bytesRead]).toEqual([2 * MiB, 2 * MiB]);
    expect(again.bytesAdded).toBeLessThan(4096);
    const descriptor = openSync(path, 'r+');
    writeSync(descriptor, randomLike(MiB, 2), 0, MiB, 16 * MiB);
    closeSync(descriptor);
    const { backup, target } = await backedUpAndRestored(place);
    expect(backup.bytesRead).toBe(3 * MiB);
    expect(bytesAt(join(target, 'disk.img'), 0, 20 * MiB).equals(bytesAt(path, 0, 20 * MiB))).toBe(true);
  });

  it('of nothing but a hole needs no blob, with sealed names too', async () => {
    for (const names of ['plain', 'sealed']) {
      const place = await makePlace({ init: false });
      await place.nbak(0, 'init', '--names', names);
      writeSparse(join(place.source, 'empty.img'), 64 * MiB, {});
      const { backup, target } = await backedUpAndRestored(place);
      expect(backup.bytesRead).toBe(0);
      if (names === 'plain') expect(objectsOf(place.repository, 'packs/')).toEqual([]);
      expect(statSync(join(target, 'empty.img'))).toMatchObject({ size: 64 * MiB, blocks: 0 });
    }
  });

  it('of half a megabyte, with a hole at its end, at its start, or with hundreds of them, is the same to the byte', async () => {
    const place = await makePlace();
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [i * 50_000, randomLike(3000, i)]));
    writeSparse(join(place.source, 'half'), 500_000, { 200_000: randomLike(1000) });
    writeSparse(join(place.source, 'end'), 3 * MiB, { 0: randomLike(1000) });
    writeSparse(join(place.source, 'start'), 3 * MiB, { [3 * MiB - 1000]: randomLike(1000) });
    writeSparse(join(place.source, 'many'), 30_000_000, many);
    const { target } = await backedUpAndRestored(place);
    for (const name of ['half', 'end', 'start', 'many']) {
      const [path, copy] = [join(place.source, name), join(target, name)];
      const { size } = statSync(path);
      expect(statSync(copy).size, name).toBe(size);
      expect(bytesAt(copy, 0, size).equals(bytesAt(path, 0, size)), name).toBe(true);
      expect(taken(copy), name).toBeLessThanOrEqual(taken(path) + 64 * 1024);
    }
    const { stdout } = await place.nbak(0, 'cat', 'latest', 'end');
    expect(stdout).toHaveLength(
      Buffer.from(bytesAt(join(place.source, 'end'), 0, 3 * MiB)).toString().length,
    );
  });

  it('larger than the free space is restored where what is written in it fits', async () => {
    const place = await makePlace();
    const path = join(place.source, 'huge.img');
    writeSparse(path, 0, {});
    // Far more than any disk of a test machine has.
    truncateSync(path, 8 * 1024 ** 4);
    const { target } = await backedUpAndRestored(place);
    expect(statSync(join(target, 'huge.img'))).toMatchObject({ size: 8 * 1024 ** 4, blocks: 0 });
  });
});
