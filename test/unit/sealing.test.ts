/** A sealing thread's handler, asked directly. */

import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FRAMES_BYTES, UNIT_BYTES, type Loaded, type SealedChunk } from '#nbak/backup/sealing/protocol.js';
import { makeSealing } from '#nbak/backup/sealing/sealing.js';
import { cutLength, gearTable } from '#nbak/chunking/gear.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { toHex } from '#nbak/format/bytes.js';
import type { RepositoryId } from '#nbak/format/ids.js';
import { BlobOpener, type BlobSecrets } from '#nbak/repository/blob-crypto.js';

const BLOBS: BlobSecrets = {
  repository: 'ab'.repeat(16) as RepositoryId,
  epoch: 1,
  root: new Uint8Array(32).fill(1),
  dedup: [{ number: 1, secret: new Uint8Array(32).fill(2) }],
};

function sealingOf(
  frames: SharedArrayBuffer,
  gear = gearTable(new Uint8Array(1024)),
): ReturnType<typeof makeSealing> {
  const digestKey = new Uint8Array(32);
  return makeSealing({
    blobs: BLOBS,
    session: new Uint8Array(16),
    lane: 0,
    digestKey,
    markKey: new Uint8Array(32),
    gear,
    frames: [frames],
  });
}

describe('a sealing thread', () => {
  // Nothing that is cut is longer than 4 MiB; a sealed page or detail may have 16.
  it.each([1, 5 * 1024 * 1024 + 1, 16 * 1024 * 1024])(
    'seals a chunk of %i bytes that opens again',
    (length) => {
      const frames = new SharedArrayBuffer(FRAMES_BYTES);
      const handle = sealingOf(frames);
      const bytes = new Uint8Array(randomBytes(length));
      const loaded = handle({ task: 'load', slot: 0, unit: { kind: 'bytes', blobKind: 4, bytes } }) as Loaded;
      expect(loaded.chunks).toMatchObject([{ kind: 4, length }]);
      const [sealed] = handle({ task: 'seal', slot: 0, indexes: [0] }) as readonly SealedChunk[];
      const frame = new Uint8Array(frames, 0, sealed?.length).slice();
      expect(toHex(nodeCrypto.sha256(frame))).toBe(sealed?.id);
      const { plaintext } = new BlobOpener(nodeCrypto, BLOBS).open(frame, 1);
      expect(Buffer.from(plaintext).equals(bytes)).toBe(true);
    },
  );

  it('seals nothing that was not loaded', () => {
    const handle = sealingOf(new SharedArrayBuffer(FRAMES_BYTES));
    expect(() => handle({ task: 'seal', slot: 0, indexes: [0] })).toThrow(RangeError);
  });

  it('takes of a stretch every chunk whose border it read, cut as the whole file is', () => {
    const bytes = new Uint8Array(randomBytes(3 * UNIT_BYTES));
    const gear = gearTable(new Uint8Array(randomBytes(1024)));
    const path = join(mkdtempSync(join(tmpdir(), 'nbak-sealing-')), 'file');
    writeFileSync(path, bytes);
    const descriptor = openSync(path, 'r');
    try {
      const handle = sealingOf(new SharedArrayBuffer(FRAMES_BYTES), gear);
      const lengths: number[] = [];
      for (let offset = 0; offset < bytes.length;) {
        const length = Math.min(UNIT_BYTES, bytes.length - offset);
        const isEnd = offset + length === bytes.length;
        const file = { descriptor, path: Buffer.from(path) };
        const unit = { kind: 'stretch', file, extents: [{ offset, length }], isEnd } as const;
        const { chunks, consumed } = handle({ task: 'load', slot: 0, unit }) as Loaded;
        lengths.push(...chunks.map((chunk) => chunk.length));
        const left = bytes.subarray(offset + consumed, offset + length);
        if (!isEnd) expect(cutLength(gear, left, 0, left.length)).toBe(left.length);
        offset += consumed;
      }
      const whole: number[] = [];
      for (let start = 0; start < bytes.length; start += whole.at(-1) ?? 0)
        whole.push(cutLength(gear, bytes, start, bytes.length));
      expect(lengths).toEqual(whole);
    } finally {
      closeSync(descriptor);
      rmSync(dirname(path), { recursive: true });
    }
  });
});
