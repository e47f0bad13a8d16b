/** Large files: only what changed is added, and memory stays bounded. SLOW=1 for larger ones. */

import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePlace, type Place } from '../support/cli.js';
import { describeTree, randomLike } from '../support/tree.js';

const MiB = 1024 * 1024;

describe('a file of 20 MB', () => {
  it('adds only a little when 10 bytes are inserted near its start, and comes back', async () => {
    const place = await makePlace();
    const bytes = randomLike(20 * MiB);
    const file = join(place.source, 'large.bin');
    writeFileSync(file, bytes);
    const first = await place.backup();
    expect(first.bytesAdded).toBeGreaterThan(20 * MiB);
    writeFileSync(file, Buffer.concat([bytes.subarray(0, 1000), Buffer.alloc(10, 7), bytes.subarray(1000)]));
    const second = await place.backup();
    expect(second.bytesRead).toBe(20 * MiB + 10);
    // One chunk, of at most 4 MiB; two if a border fell into the change.
    expect(second.bytesAdded).toBeLessThan(5 * MiB);
    await place.verify(0);
    const { target } = await place.restore(0);
    expect(describeTree(target)).toEqual(describeTree(place.source));
    const cat = await place.nbak(0, 'cat', first.id, 'large.bin', '--json');
    expect(cat.exit).toBe(0);
  });
});

describe('a file far larger than memory may be', () => {
  const [small, large] = process.env['SLOW'] === '1' ? [300, 20_000] : [60, 300];

  it(`of ${String(large)} MiB takes no more memory than one of ${String(small)} MiB, on the way in, in verify and back`, async () => {
    const peaks = new Map<number, readonly number[]>();
    for (const size of [small, large]) {
      const place = await makePlace();
      writeSparse(join(place.source, 'large.bin'), size);
      const out = place.path('out');
      peaks.set(size, [
        await peakOf(place, ['backup', place.source]),
        await peakOf(place, ['verify', '--public-key', await place.publicKey()]),
        await peakOf(place, ['restore', 'latest', '--target', out]),
      ]);
      expect(statSync(join(out, 'large.bin')).size).toBe(size * MiB);
      if (size === small)
        expect(
          readFileSync(join(out, 'large.bin')).equals(readFileSync(join(place.source, 'large.bin'))),
        ).toBe(true);
    }
    for (const [i, peak] of (peaks.get(large) ?? []).entries()) {
      expect(peak).toBeLessThan((peaks.get(small)?.[i] ?? 0) + 64);
      expect(peak).toBeLessThan(400);
    }
  }, 3_600_000);
});

/** 1 MiB of random bytes at the start of every 6 MiB, and holes between. */
function writeSparse(path: string, mebibytes: number): void {
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, mebibytes * MiB);
  for (let at = 0; at < mebibytes; at += 6) writeSync(descriptor, randomLike(MiB, at + 1), 0, MiB, at * MiB);
  closeSync(descriptor);
}

/** Runs the program with little heap and gives its peak resident memory in MiB. */
async function peakOf(place: Place, args: readonly string[]): Promise<number> {
  const report = place.path('peak.cjs');
  writeFileSync(
    report,
    `if (require('node:worker_threads').isMainThread)
       process.on('exit', () => require('node:fs').writeSync(2, 'peak ' + process.resourceUsage().maxRSS + '\\n'));`,
  );
  const outcome = await place.run([...args, '--threads', '2'], {
    node: ['--max-old-space-size=64', '--require', report],
    env: { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key },
  });
  expect(outcome).toMatchObject({ exit: 0 });
  const [, kibibytes = 'nothing'] = /peak (\d+)/.exec(outcome.stderr) ?? [];
  return Number(kibibytes) / 1024;
}
