/** A13: one ciphertext that authenticates under two keys fails on the commitment of the one it was not made for. */

import { createDecipheriv } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { portableCrypto } from '#nbak/crypto/portable.js';
import { BLOB_KINDS, encodeBlobHeader, encodeNonce } from '#nbak/format/blob.js';
import { concatBytes, utf8 } from '#nbak/format/bytes.js';
import { idFromBytes, type BlobId } from '#nbak/format/ids.js';
import { BlobOpener } from '#nbak/repository/blob-crypto.js';
import { blobKey, keySchedule } from '#nbak/vault/key-schedule.js';
import { sealedPlaintext } from '../reference/blob.js';
import { sealForTwoKeys } from '../reference/generate/two-keys.js';
import { judge, judgeDecrypted, restoreBackup, withDirectory } from '../support/engine-run.js';
import { Insider, type ForgedBlob } from '../support/insider.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../support/tiny-repository.js';

const CONTENT = 'one ciphertext, two keys'.padEnd(40);

interface TwoKeyFrame {
  readonly repository: TestRepository;
  readonly insider: Insider;
  readonly tag: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
  readonly keys: readonly [Uint8Array, Uint8Array];
  readonly roots: readonly [Uint8Array, Uint8Array];
  /** The frame with the commitment of the first or the second key. */
  readonly frames: readonly [Uint8Array, Uint8Array];
}

/** What a holder of two roots can make: the repository's own, and another that a drill would be shown. */
async function twoKeyFrame(): Promise<TwoKeyFrame> {
  const repository = await emptyRepository();
  const { id, secrets } = repository.unlocked;
  const insider = new Insider(repository.unlocked);
  const schedule = keySchedule(nodeCrypto, id);
  const content = utf8(CONTENT);
  const [dedup] = secrets.dedup;
  if (dedup === undefined) throw new Error('no dedup secret');
  const tag = nodeCrypto.hmacSha256(schedule.tagKey(dedup.secret), nodeCrypto.sha256(content));
  const nonce = encodeNonce(1, 0);
  const inner = sealedPlaintext(content.length, content);
  const { data: kind } = BLOB_KINDS;
  const { session } = insider;
  const header = encodeBlobHeader({
    codec: 'stored',
    kind,
    epoch: secrets.epoch,
    session,
    nonce,
    tag,
    sealedLength: inner.length,
  });
  const roots = [secrets.root, nodeCrypto.randomBytes(32)] as const;
  const [first, second] = roots.map((root) =>
    blobKey(nodeCrypto, schedule.sessionSecret(root, session, kind), header),
  );
  if (first === undefined || second === undefined) throw new Error('two keys expected');
  const sealed = sealForTwoKeys([first.key, second.key], nonce, inner);
  const frames = [
    concatBytes(header, first.commitment, sealed),
    concatBytes(header, second.commitment, sealed),
  ] as const;
  return { repository, insider, tag, nonce, sealed, keys: [first.key, second.key], roots, frames };
}

let made: TwoKeyFrame;

beforeAll(async () => {
  made = await twoKeyFrame();
});

/** AES-256-GCM of OpenSSL and nothing of ours. */
function openNatively(key: Uint8Array): Buffer {
  const { nonce, sealed } = made;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

describe('A13 one ciphertext for two keys', () => {
  it('A13: the ciphertext is real: AES-GCM alone opens it under both keys, to different plaintexts', () => {
    const [first, second] = made.keys.map(openNatively);
    expect(first?.toString('latin1')).toContain(CONTENT.slice(0, 24));
    expect(second).toHaveLength(first?.length ?? -1);
    expect(second).not.toEqual(first);
  });

  for (const [provider, crypto] of [
    ['node:crypto', nodeCrypto],
    ['the portable provider', portableCrypto],
  ] as const) {
    it(`A13: with ${provider} each of the two commitments refuses the other key before anything is decrypted`, () => {
      let decryptions = 0;
      const counting = {
        ...crypto,
        aesGcmOpen: (...args: Parameters<typeof crypto.aesGcmOpen>) => {
          decryptions += 1;
          return crypto.aesGcmOpen(...args);
        },
      };
      const { id, secrets } = made.repository.unlocked;
      for (const [root, frame] of [
        [made.roots[1], made.frames[0]],
        [made.roots[0], made.frames[1]],
      ] as const) {
        const opener = new BlobOpener(counting, { repository: id, epoch: 1, root, dedup: secrets.dedup });
        expect(() => opener.open(frame, 1)).toThrow(
          expect.objectContaining({
            code: 'BLOB_TAMPERED',
            message: 'A blob was tampered with: its commitment does not match',
          }) as Error,
        );
      }
      expect(decryptions).toBe(0);
    });
  }

  it('A13: in a backup that an insider signs it is tampering to who opens it, and nothing of it is released', async () => {
    const { repository, insider, tag, frames } = made;
    const [, frame] = frames;
    const blob: ForgedBlob = insider.blobOf(frame, {
      tag: Buffer.from(tag).toString('hex'),
      kind: BLOB_KINDS.data,
      plaintextLength: CONTENT.length,
    });
    const { page } = insider.pageOf([{ path: '' }, { path: 'f', content: CONTENT }]);
    await insider.storePack([blob]);
    const rows = [
      {
        id: idFromBytes<BlobId>(nodeCrypto.sha256(frame)),
        length: frame.length,
        plaintextLength: CONTENT.length,
      },
    ];
    const id = await insider.storePage({ ...page, blobs: rows } as typeof page);
    const totals = { files: 1, directories: 1, others: 0, bytes: CONTENT.length };
    await insider.storeManifest([id], { entries: 2, totals });
    // The public key cannot tell: every hash and signature is right.
    expect(await judge(repository.storage, repository.publicKey)).toMatchObject({ ok: true });
    expect(await judgeDecrypted(repository.storage, KEY_BYTES)).toMatchObject({
      exit: 21,
      codes: ['BLOB_TAMPERED'],
    });
    await withDirectory(async (directory) => {
      const { failed, files } = await restoreBackup(repository.storage, KEY_BYTES, {
        target: `${directory}/t`,
      });
      expect({ files, codes: failed.map(({ code }) => code) }).toEqual({
        files: 0,
        codes: ['BLOB_TAMPERED'],
      });
    });
  });
});
