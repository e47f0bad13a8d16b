/** Large files: only what changed is added, and memory stays bounded. SLOW=1 for larger ones. */

import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
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
  });
});

describe('a large file and a heap of 64 MiB', () => {
  // Packs of 16 MiB and segments on their way fill some 200 MiB whatever the size; see the 20 GB of SLOW=1.
  const sizes = process.env['SLOW'] === '1' ? [300, 20_000] : [300];

  it.each(sizes)(
    'go together: %i MiB in, through verify and back take less than 300 MiB of memory',
    async (size) => {
      const place = await makePlace();
      const original = join(place.source, 'large.bin');
      writeSparse(original, size);
      const out = place.path('out');
      const peaks = [
        await peakOf(place, ['backup', place.source]),
        await peakOf(place, ['verify', '--public-key', await place.publicKey()]),
        await peakOf(place, ['restore', 'latest', '--target', out]),
      ];
      expect(Math.max(...peaks)).toBeLessThan(300);
      execFileSync('cmp', [original, join(out, 'large.bin')]);
    },
    3_600_000,
  );
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
