/** A sealing thread's handler, asked directly. */

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FRAMES_BYTES, type Loaded, type SealedChunk } from '#nbak/backup/sealing/protocol.js';
import { makeSealing } from '#nbak/backup/sealing/sealing.js';
import { gearTable } from '#nbak/chunking/gear.js';
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

function sealingOf(frames: SharedArrayBuffer): ReturnType<typeof makeSealing> {
  const gear = gearTable(new Uint8Array(1024));
  const digestKey = new Uint8Array(32);
  return makeSealing({
    blobs: BLOBS,
    session: new Uint8Array(16),
    lane: 0,
    digestKey,
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
});
