/** A18: a wrong key, corruption and tampering are three different answers. */

import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { ERROR_CODES, isNbakError } from '#nbak/errors.js';
import { LIMITS } from '#nbak/format/limits.js';
import { decodeEnvelope, encodeEnvelope, SIGNED_TYPES } from '#nbak/format/cose.js';
import { createSigner } from '#nbak/vault/signing.js';
import {
  judge,
  judgeDecrypted,
  restoreBackup,
  withDirectory,
  type Judgement,
} from '../support/engine-run.js';
import { manifestFrom, plant } from '../support/outsider.js';
import { onlyObject, storageWith, withObject, type Snapshot } from '../support/snapshots.js';
import { KEY_BYTES, TINY_FILES, tinyRepository } from '../support/tiny-repository.js';

let tiny: Awaited<ReturnType<typeof tinyRepository>>;

beforeAll(async () => {
  tiny = await tinyRepository();
});

function flipped(prefix: string, byte: number): Snapshot {
  const [name, bytes] = onlyObject(tiny.snapshot, prefix);
  const copy = new Uint8Array(bytes);
  const at = byte < 0 ? copy.length + byte : byte;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return withObject(tiny.snapshot, name, copy);
}

function without(prefix: string): Snapshot {
  return withObject(tiny.snapshot, onlyObject(tiny.snapshot, prefix)[0], undefined);
}

function unsigned(): Snapshot {
  const [, bytes] = onlyObject(tiny.snapshot, 'manifests/');
  const envelope = decodeEnvelope(bytes, SIGNED_TYPES.manifest, LIMITS.manifestBytes);
  return plant(tiny.snapshot, manifestFrom(encodeEnvelope({ ...envelope, signature: new Uint8Array(64) })));
}

const WRONG_KEY = new Uint8Array(32).fill(8);

interface Row {
  readonly what: string;
  readonly snapshot: () => Snapshot;
  readonly key?: 'wrong';
  readonly exit: 0 | 10 | 12 | 20 | 21;
  readonly code?: string;
  /** With the public key of a stranger it is the signature that fails, not a secret (§20.2). */
  readonly publicExit?: 21;
}

const TABLE: readonly Row[] = [
  { what: 'a sound repository', snapshot: () => tiny.snapshot, exit: 0 },
  {
    what: 'a wrong key',
    snapshot: () => tiny.snapshot,
    key: 'wrong',
    exit: 12,
    code: 'KEY_WRONG',
    publicExit: 21,
  },
  {
    what: 'a wrong key and a damaged pack',
    snapshot: () => flipped('packs/', 0),
    key: 'wrong',
    exit: 12,
    code: 'KEY_WRONG',
    publicExit: 21,
  },
  {
    what: 'a flipped bit in a frame',
    snapshot: () => flipped('packs/', 110),
    exit: 20,
    code: 'OBJECT_CORRUPT',
  },
  {
    what: 'a flipped bit in a footer',
    snapshot: () => flipped('packs/', -20),
    exit: 20,
    code: 'OBJECT_CORRUPT',
  },
  {
    what: 'a flipped bit in a page',
    snapshot: () => flipped('pages/', 12),
    exit: 20,
    code: 'OBJECT_CORRUPT',
  },
  {
    what: 'a flipped bit in a manifest',
    snapshot: () => flipped('manifests/', -1),
    exit: 20,
    code: 'OBJECT_CORRUPT',
  },
  {
    what: 'a flipped bit in an epoch record',
    snapshot: () => flipped('epochs/', -1),
    exit: 20,
    code: 'OBJECT_CORRUPT',
  },
  { what: 'a missing pack', snapshot: () => without('packs/'), exit: 20, code: 'OBJECT_MISSING' },
  { what: 'a missing page', snapshot: () => without('pages/'), exit: 20, code: 'OBJECT_MISSING' },
  { what: 'a manifest whose signature is not one', snapshot: unsigned, exit: 21, code: 'SIGNATURE_INVALID' },
  {
    what: 'a repository object whose signature is not one',
    snapshot: () => flipped('repository', -1),
    exit: 21,
    code: 'SIGNATURE_INVALID',
  },
  { what: 'no repository', snapshot: () => without('repository'), exit: 10, code: 'REPOSITORY_NOT_FOUND' },
];

function answer({ exit, codes }: Judgement): object {
  return { exit, codes };
}

describe('A18 three verdicts', () => {
  for (const { what, snapshot, key, exit, code, publicExit } of TABLE) {
    it(`A18: ${what} is exit ${exit}${code === undefined ? '' : ` and ${code}`}`, async () => {
      const codes = code === undefined ? [] : [code];
      const keyBytes = key === 'wrong' ? WRONG_KEY : KEY_BYTES;
      expect(answer(await judgeDecrypted(await storageWith(snapshot()), keyBytes))).toMatchObject({ exit });
      if (publicExit === undefined) {
        expect(answer(await judge(await storageWith(snapshot()), tiny.publicKey))).toEqual({ exit, codes });
      } else {
        const stranger = createSigner(nodeCrypto, tiny.unlocked.id, nodeCrypto.randomBytes(32)).publicKey;
        const { refused } = await judge(await storageWith(snapshot()), stranger);
        expect(refused).toMatchObject({ code: 'SIGNER_UNKNOWN', exitCode: publicExit });
        const decrypted = await judgeDecrypted(await storageWith(snapshot()), keyBytes);
        expect(decrypted.refused).toMatchObject({ code, exitCode: exit });
      }
    });
  }

  it('A18: the three verdicts have exit codes of their own', () => {
    const exits = [ERROR_CODES.KEY_WRONG, ERROR_CODES.OBJECT_CORRUPT, ERROR_CODES.BLOB_TAMPERED].map(
      ({ exit }) => exit,
    );
    expect(exits).toEqual([12, 20, 21]);
  });

  it('A18: where there is corruption and tampering, tampering is the answer', async () => {
    const both = plant(
      flipped('pages/', 12),
      ...[...unsigned()].filter(([name]) => !tiny.snapshot.has(name)),
    );
    expect((await judge(await storageWith(both), tiny.publicKey)).exit).toBe(21);
  });

  it('A18: a restore tells a wrong key from a damaged pack, and neither message holds content or key', async () => {
    const attempts: readonly (readonly [Snapshot, Uint8Array, string])[] = [
      [tiny.snapshot, WRONG_KEY, 'KEY_WRONG'],
      [flipped('packs/', 110), KEY_BYTES, 'OBJECT_CORRUPT'],
      [flipped('manifests/', -1), KEY_BYTES, 'OBJECT_CORRUPT'],
    ];
    for (const [snapshot, keyBytes, code] of attempts) {
      await withDirectory(async (directory) => {
        const messages: string[] = [];
        const codes = new Set<string>();
        try {
          const { failed } = await restoreBackup(await storageWith(snapshot), keyBytes, {
            target: `${directory}/t`,
          });
          for (const each of failed) {
            codes.add(each.code);
            messages.push(each.message);
          }
        } catch (error) {
          if (!isNbakError(error)) throw error;
          codes.add(error.code);
          messages.push(JSON.stringify([error.message, error.details, error.hint]));
        }
        expect([...codes]).toEqual([code]);
        for (const secret of [
          ...Object.values(TINY_FILES).map(String),
          Buffer.from(keyBytes).toString('hex'),
        ]) {
          expect(messages.join('\n')).not.toContain(secret.trim());
        }
      });
    }
  });
});
