/** A8: CBOR and zstd that declare much are checked before anything is allocated, and each bomb has its code. */

import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '#nbak/errors.js';
import { concatBytes, u32 } from '#nbak/format/bytes.js';
import { encodeEnvelope, encodeProtected, SIGNED_TYPES } from '#nbak/format/cose.js';
import { compress } from '#nbak/compression/zstd.js';
import type { ObjectName } from '#nbak/storage/storage.js';
import {
  codeOf,
  compressed,
  fresh,
  hex,
  MIB,
  peakGrowth,
  sealedCodes,
  storedPage,
} from '../support/bombs.js';
import { judge } from '../support/engine-run.js';
import { manifestFrom, packFrom, pageFrom, plant, sha256, type Planted } from '../support/outsider.js';
import { snapshotOf, storageWith } from '../support/snapshots.js';

const HUGE = 'ffffffff';

/** CBOR that is a bomb, and the code of §5.2. */
const CBOR_BOMBS: Readonly<Record<string, readonly [Uint8Array, ErrorCode]>> = {
  'nests nine deep': [hex(`${'81'.repeat(9)}80`), 'LIMIT_EXCEEDED'],
  'nests a million deep': [new Uint8Array(1_000_000).fill(0x81), 'LIMIT_EXCEEDED'],
  'nests maps deep': [hex(`${'a100'.repeat(100)}00`), 'LIMIT_EXCEEDED'],
  'declares an array of 4 294 967 295': [hex(`9a${HUGE}`), 'FORMAT_INVALID'],
  'declares an array of 2^63': [hex('9b8000000000000000'), 'FORMAT_INVALID'],
  'declares a map of 2^32 − 1': [hex(`ba${HUGE}`), 'FORMAT_INVALID'],
  'declares a map of 2^64 − 1': [hex(`bb${HUGE}${HUGE}`), 'FORMAT_INVALID'],
  'declares a byte string of 2^32 − 1': [hex(`5a${HUGE}`), 'FORMAT_INVALID'],
  'declares a byte string of 2^64 − 1': [hex(`5b${HUGE}${HUGE}`), 'FORMAT_INVALID'],
  'declares a text of 2^53': [hex('7b0020000000000000'), 'FORMAT_INVALID'],
  'declares one byte more than there is': [hex('4300 00'), 'FORMAT_INVALID'],
  'has an indefinite array': [hex('9f00ff'), 'FORMAT_INVALID'],
  'has an indefinite string': [hex('5f4100ff'), 'FORMAT_INVALID'],
  'has a length that is longer than it need be': [hex('9a0000000100'), 'FORMAT_INVALID'],
  'has bytes behind its end': [hex('8000'), 'FORMAT_INVALID'],
  'is empty': [new Uint8Array(0), 'FORMAT_INVALID'],
};

describe('A8 CBOR bombs', () => {
  for (const [what, [raw, code]] of Object.entries(CBOR_BOMBS)) {
    it(`A8: CBOR that ${what} is ${code} as page, index, signed object, payload, slot and epoch record`, async () => {
      const protectedBytes = encodeProtected(SIGNED_TYPES.manifest, sha256(new Uint8Array(1)) as never);
      const asHeader = encodeEnvelope({
        type: SIGNED_TYPES.manifest,
        fingerprint: '' as never,
        protectedBytes: raw,
        payload: protectedBytes,
        signature: new Uint8Array(64),
      });
      const index = compressed('NBKI', 0, raw.length, raw);
      const tagged = concatBytes(Uint8Array.of(0xd2), raw);
      const places: readonly Planted[] = [
        storedPage(raw),
        [`index/${sha256(index)}` as ObjectName, index],
        manifestFrom(tagged),
        manifestFrom(asHeader),
        [`history/${sha256(tagged)}` as ObjectName, tagged],
        [`doom/${sha256(tagged)}` as ObjectName, tagged],
        [`leases/${'0'.repeat(32)}` as ObjectName, tagged],
        [`keys/${sha256(raw)}` as ObjectName, raw],
        [`epochs/1.${sha256(tagged)}` as ObjectName, tagged],
        packFrom([], tagged),
      ];
      const growth = await peakGrowth(async () => {
        for (const place of places) expect([place[0], await codeOf(place)]).toEqual([place[0], code]);
      });
      expect(growth).toBeLessThan(64);
    });
  }

  it('A8: a payload that an insider signs is scanned like everything else', async () => {
    for (const [raw, code] of Object.values(CBOR_BOMBS)) {
      const { unlocked } = await fresh();
      const signed = unlocked.secrets.backupSigner.sign(SIGNED_TYPES.manifest, raw);
      const storage = await storageWith(plant(await snapshotOf(unlocked.storage), manifestFrom(signed)));
      expect((await judge(storage, unlocked.verificationKey)).codes).toEqual([code]);
    }
  });

  // 16 MiB of one-byte items: a few hundred bytes as zstd, and gigabytes where every item becomes an object.
  it('A8: millions of tiny items in a page that zstd makes tiny are refused without building them', async () => {
    const raw = new Uint8Array(16 * MIB).fill(0x80);
    raw.set(hex('9a'), 0);
    raw.set(u32(raw.length - 5), 1);
    const page = pageFrom(compressed('NBKP', 1, raw.length, compress(raw)));
    expect(page[1].length).toBeLessThan(4096);
    const growth = await peakGrowth(async () => {
      expect(['FORMAT_INVALID', 'LIMIT_EXCEEDED']).toContain(await codeOf(page));
    });
    expect(growth).toBeLessThan(256);
  });

  it('A8: millions of tiny items in the envelope of an unsigned object are refused without building them', async () => {
    const bytes = new Uint8Array(8 * MIB).fill(0x80);
    bytes.set(hex('d29a'), 0);
    bytes.set(u32(bytes.length - 6), 2);
    for (const place of [packFrom([], bytes), [`epochs/1.${sha256(bytes)}` as ObjectName, bytes] as const]) {
      const growth = await peakGrowth(async () => {
        expect(['FORMAT_INVALID', 'LIMIT_EXCEEDED']).toContain(await codeOf(place));
      });
      expect(growth).toBeLessThan(256);
    }
  });
});

/** A zstd frame by hand: descriptor, window byte, content size, blocks. */
function zstdFrame(parts: {
  descriptor: number;
  window?: number;
  size: Uint8Array;
  blocks: Uint8Array;
}): Uint8Array {
  const window = parts.window === undefined ? new Uint8Array(0) : Uint8Array.of(parts.window);
  return concatBytes(hex('28b52ffd'), Uint8Array.of(parts.descriptor), window, parts.size, parts.blocks);
}

function littleEndian(value: number, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** `count` RLE blocks of 128 KiB, four bytes each. */
function rleBlocks(count: number): Uint8Array {
  const size = 128 * 1024;
  return concatBytes(
    ...Array.from({ length: count }, (_, i) =>
      concatBytes(littleEndian((size << 3) | 2 | (i === count - 1 ? 1 : 0), 3), Uint8Array.of(0)),
    ),
  );
}

const RAW_END = hex('010000');

/** Frames that declare much, with the raw length of the envelope. */
const ZSTD_BOMBS: Readonly<Record<string, readonly [number, Uint8Array, ErrorCode]>> = {
  'a content size of 4 GiB, the envelope a small one': [
    1000,
    zstdFrame({ descriptor: 0xe0, size: littleEndian(2 ** 32, 8), blocks: RAW_END }),
    'FORMAT_INVALID',
  ],
  'a content size of 2^63': [
    1000,
    zstdFrame({ descriptor: 0xe0, size: littleEndian(2 ** 63, 8), blocks: RAW_END }),
    'FORMAT_INVALID',
  ],
  'a content size of 4 GiB − 1, the envelope the same': [
    0xffff_ffff,
    zstdFrame({ descriptor: 0xa0, size: littleEndian(0xffff_ffff, 4), blocks: RAW_END }),
    'LIMIT_EXCEEDED',
  ],
  'a content size one above the limit': [
    16 * MIB + 1,
    zstdFrame({ descriptor: 0xa0, size: littleEndian(16 * MIB + 1, 4), blocks: RAW_END }),
    'LIMIT_EXCEEDED',
  ],
  'a window of 3.75 TiB': [
    1000,
    zstdFrame({ descriptor: 0x80, window: 0xff, size: littleEndian(1000, 4), blocks: RAW_END }),
    'LIMIT_EXCEEDED',
  ],
  'a window of 32 MiB': [
    1000,
    zstdFrame({ descriptor: 0x80, window: (25 - 10) << 3, size: littleEndian(1000, 4), blocks: RAW_END }),
    'LIMIT_EXCEEDED',
  ],
  'no content size': [
    1000,
    zstdFrame({ descriptor: 0x00, window: 0, size: new Uint8Array(0), blocks: RAW_END }),
    'FORMAT_INVALID',
  ],
  'a dictionary': [
    1000,
    zstdFrame({
      descriptor: 0xa1,
      size: concatBytes(Uint8Array.of(7), littleEndian(1000, 4)),
      blocks: RAW_END,
    }),
    'FORMAT_INVALID',
  ],
  'blocks of 128 MiB behind a content size of 1000': [
    1000,
    zstdFrame({ descriptor: 0xa0, size: littleEndian(1000, 4), blocks: rleBlocks(1000) }),
    'FORMAT_INVALID',
  ],
  'fewer bytes than it declares': [
    16 * MIB,
    zstdFrame({ descriptor: 0xa0, size: littleEndian(16 * MIB, 4), blocks: rleBlocks(1) }),
    'FORMAT_INVALID',
  ],
  'a block that reaches beyond the object': [
    1000,
    zstdFrame({ descriptor: 0xa0, size: littleEndian(1000, 4), blocks: hex('f9ffff') }),
    'FORMAT_INVALID',
  ],
  'two frames': [
    1000,
    concatBytes(compress(new Uint8Array(1000)), compress(new Uint8Array(1000))),
    'FORMAT_INVALID',
  ],
  'a skippable frame before it': [
    1000,
    concatBytes(hex('502a4d1800000000'), compress(new Uint8Array(1000))),
    'FORMAT_INVALID',
  ],
};

describe('A8 decompression bombs', () => {
  for (const [what, [rawLength, frame, code]] of Object.entries(ZSTD_BOMBS)) {
    it(`A8: a zstd frame with ${what} is ${code}, as page, as index and in a blob`, async () => {
      expect(frame.length).toBeLessThan(8192);
      const growth = await peakGrowth(async () => {
        expect(await codeOf(pageFrom(compressed('NBKP', 1, rawLength, frame)))).toBe(code);
        const index = compressed('NBKI', 1, rawLength, frame);
        expect(await codeOf([`index/${sha256(index)}` as ObjectName, index])).toBe(code);
        const inBlob = await sealedCodes((seal) =>
          seal('zstd', concatBytes(u32(rawLength), u32(frame.length), frame)),
        );
        expect(inBlob).toEqual([code]);
      });
      expect(growth).toBeLessThan(128);
    });
  }

  it('A8: raw lengths that lie, in both directions and up to 4 GiB, are refused by page and index', async () => {
    const raw = hex('8000');
    for (const [rawLength, code] of [
      [0, 'FORMAT_INVALID'],
      [1, 'FORMAT_INVALID'],
      [3, 'FORMAT_INVALID'],
      [16 * MIB, 'FORMAT_INVALID'],
      [16 * MIB + 1, 'LIMIT_EXCEEDED'],
      [0xffff_ffff, 'LIMIT_EXCEEDED'],
    ] as const) {
      expect([rawLength, await codeOf(pageFrom(compressed('NBKP', 0, rawLength, raw)))]).toEqual([
        rawLength,
        code,
      ]);
      const index = compressed('NBKI', 0, rawLength, raw);
      expect([rawLength, await codeOf([`index/${sha256(index)}` as ObjectName, index])]).toEqual([
        rawLength,
        code,
      ]);
    }
  });
});
