/** A3: the app keys that a manifest names are there and are app keys, or whoever can look says so (§11.4). */

import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { BLOB_KINDS } from '#nbak/format/blob.js';
import { isSealedDetail, type Manifest } from '#nbak/format/manifest.js';
import type { BlobRow } from '#nbak/format/page.js';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { manifestName } from '#nbak/repository/object-names.js';
import { judge, judgeDecrypted, readNewest, restoreBackup, type Judgement } from '../support/engine-run.js';
import { Insider } from '../support/insider.js';
import { makeApplication } from '../support/keyed-application.js';
import { withScene, type Scene } from '../support/keyed-scene.js';

const TAMPERED = { exit: 21, codes: ['REFERENCE_TAMPERED'] };
const FINE = { exit: 0, codes: [] };

/** An insider signs the manifest of a backup anew, with other blobs in it. */
async function resign(
  { repository, storage }: Scene,
  insider: Insider,
  change: (manifest: Manifest) => Partial<Manifest>,
): Promise<void> {
  const { source, close } = await readNewest(repository);
  close();
  const { manifest, id } = source.backup;
  const { detail, ...others } = { ...manifest, ...change(manifest) };
  await storage.delete(manifestName(id));
  await insider.storeManifest(manifest.pages, {
    ...others,
    entries: source.detail.roots[0]?.entries ?? 0,
    ...(isSealedDetail(detail) ? { sealedDetail: detail } : { detail }),
  });
}

/** A signed pack with one blob more. */
async function stored(
  insider: Insider,
  kind: (typeof BLOB_KINDS)[keyof typeof BLOB_KINDS],
): Promise<BlobRow> {
  const blob = insider.seal(new TextEncoder().encode(newAppKeyText(nodeCrypto)), kind);
  await insider.storePack([blob]);
  return { id: blob.id, length: blob.frame.length };
}

function attacked(
  names: 'plain' | 'sealed',
  attack: (scene: Scene, insider: Insider) => Promise<void>,
  use: (verdicts: {
    readonly open: Judgement;
    readonly secret: Judgement;
    readonly scene: Scene;
  }) => Promise<void> | void,
): Promise<void> {
  return withScene(names, async (scene) => {
    makeApplication(scene.source);
    await scene.run();
    await attack(scene, new Insider(scene.repository));
    const open = await judge(scene.storage, scene.publicKey);
    const secret = await judgeDecrypted(scene.storage, scene.keyBytes);
    await use({ open, secret, scene });
  });
}

describe('A3 app keys', () => {
  it('A3: an app key that the manifest does not name is tampering, with sealed names to who can open them', async () => {
    for (const names of ['plain', 'sealed'] as const) {
      await attacked(
        names,
        (scene, insider) => resign(scene, insider, () => ({ appKeys: undefined as never })),
        ({ open, secret }) => {
          expect({ names, open }).toMatchObject({ open: names === 'plain' ? TAMPERED : FINE });
          expect({ names, secret }).toMatchObject({ secret: TAMPERED });
          expect(secret.problems).toHaveLength(1);
        },
      );
    }
  });

  it('A3: any other blob in the place of an app key or of a detail is tampering to everybody', async () => {
    for (const [names, field, kind] of [
      ['plain', 'appKeys', BLOB_KINDS.data],
      ['sealed', 'appKeys', BLOB_KINDS.sealedDetail],
      ['sealed', 'detail', BLOB_KINDS.appKey],
    ] as const) {
      await attacked(
        names,
        async (scene, insider) => {
          const row = await stored(insider, kind);
          await resign(scene, insider, () => ({ [field]: field === 'appKeys' ? [row] : row }));
        },
        ({ open }) => expect({ names, field, open }).toMatchObject({ open: TAMPERED }),
      );
    }
  });

  it('A3: another app key in its place is told by the tokens that it does not open', () =>
    attacked(
      'plain',
      async (scene, insider) => {
        const row = await stored(insider, BLOB_KINDS.appKey);
        await resign(scene, insider, () => ({ appKeys: [row] }));
      },
      async ({ open, scene: { storage, keyBytes, target } }) => {
        expect(open).toMatchObject(FINE);
        const { failed } = await restoreBackup(storage, keyBytes, { target });
        expect([...new Set(failed.map(({ code }) => code))]).toEqual(['TOKEN_DEAD']);
      },
    ));
});
