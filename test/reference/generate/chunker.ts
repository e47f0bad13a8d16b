/** Vectors of chunker.json: where writers of 2.0 cut. */
import { byteAt } from '../bytes.js';
import { seeded } from '../seeded.js';
import { type Draft, type DraftFile, group, valid } from './draft.js';
import { chunkerKey, id } from './world.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Seeds found by search: after their first 32 bytes the top 20 bits, or the top 18 and no more, are zero. */
const TWENTY = 'border 506604';
const EIGHTEEN = 'border 312187';

interface Part {
  readonly seed: string | null;
  readonly length: number;
}

const cut = (comment: string, ...data: readonly Part[]): Draft =>
  valid(comment, '§7.3', { chunkerKey, id, data });
const random = (length: number, seed = 'chunker input'): Part => ({ seed, length });

/** 3 MiB whose hash has its zero bits after `length` bytes. */
const hitAt = (length: number, seed: string): Part[] => [
  { seed: null, length: length - 32 },
  { seed, length: 32 },
  { seed: null, length: 3 * MIB - length },
];

/** `count` seeded lengths of 1 … `longest`. */
function lengths(count: number, longest: number): number[] {
  const words = seeded('lengths of small files', 2 * count);
  return Array.from(
    { length: count },
    (_, i) => 1 + ((byteAt(words, 2 * i) * 256 + byteAt(words, 2 * i + 1)) % longest),
  );
}
const same = (count: number, length: number): number[] => Array.from({ length: count }, () => length);
const bundles = (comment: string, list: readonly number[]): Draft =>
  valid(comment, '§7.5', { chunkerKey, id, lengths: list });

export const chunkerFile: DraftFile = {
  name: 'chunker.json',
  spec: 'spec/format.md#7-cutting',
  header: [
    'Cut positions of generated inputs. A part with a seed is xorshift32 (13, 17, 5): 32-bit words, big-endian, starting after the first word of SHA-256(seed); a part without seed is zeros. Small file i is called dir/file- and i in five digits.',
  ],
  groups: [
    group(
      'cutFile',
      cut('one byte more than 1 MiB', random(MIB + 1)),
      cut('8 MiB of random bytes', random(8 * MIB)),
      cut('the same 8 MiB after one inserted byte', { seed: 'inserted', length: 1 }, random(8 * MIB)),
      cut(
        'the same 8 MiB after 700 KiB of others',
        { seed: 'inserted', length: 700 * 1024 },
        random(8 * MIB),
      ),
      cut('9 MiB of zeros are cut at the longest length', { seed: null, length: 9 * MIB }),
      cut('4 MiB of zeros are one chunk', { seed: null, length: 4 * MIB }),
      cut('4 MiB and one byte of zeros are two chunks', { seed: null, length: 4 * MIB + 1 }),
      cut('random bytes after zeros', { seed: null, length: 2 * MIB }, random(4 * MIB)),
      cut('20 zero bits after exactly 512 KiB end a chunk', ...hitAt(512 * KIB, TWENTY)),
      cut('20 zero bits one byte before 512 KiB do not', ...hitAt(512 * KIB - 1, TWENTY)),
      cut('18 zero bits after 600 KiB do not end a chunk', ...hitAt(600 * KIB, EIGHTEEN)),
      cut('18 zero bits after exactly 1 MiB do not end a chunk', ...hitAt(MIB, EIGHTEEN)),
      cut('18 zero bits after 1 MiB and one byte end a chunk', ...hitAt(MIB + 1, EIGHTEEN)),
      cut('16 MiB of other random bytes', random(16 * MIB, 'other chunker input')),
    ),
    group(
      'cutBundles',
      bundles('no files', []),
      bundles('one file', lengths(1, 1000)),
      bundles('500 files of up to 4 KiB', lengths(500, 4096)),
      bundles('200 files of up to 32 KiB', lengths(200, 32768)),
      bundles('500 files of 8 KiB; 32 of them fill 256 KiB', same(500, 8192)),
      bundles('2000 files of one byte', same(2000, 1)),
    ),
  ],
};
