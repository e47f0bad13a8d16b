/** A restore whose tokens fail to open says so before anything is swapped (§22.4.1); and what one secret opens (§3.4). */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { BLOB_HEADER_BYTES, BLOB_KINDS, decodeBlobFrame } from '#nbak/format/blob.js';
import { SIGNED_TYPES } from '#nbak/format/cose.js';
import { encodeManifest, type Manifest, type ManifestDetail } from '#nbak/format/manifest.js';
import { readAppKeys } from '#nbak/repository/app-keys.js';
import { readEntries } from '#nbak/repository/entries.js';
import { manifestName, packName } from '#nbak/repository/object-names.js';
import type { UnlockedRepository } from '#nbak/repository/open.js';
import { restoreOver } from '#nbak/restore/in-place/restore-over.js';
import { restore } from '#nbak/restore/restore.js';
import type { RestoreOptions, RestoreSource } from '#nbak/restore/result.js';
import { blobKey, keySchedule } from '#nbak/vault/key-schedule.js';
import { readNewest } from '../support/engine-run.js';
import { makeApplication, OPENED } from '../support/keyed-application.js';
import { withScene, type Scene } from '../support/keyed-scene.js';

const EVERYTHING = { paths: [], include: [], exclude: [] };

describe('a restore of a backup with app keys', () => {
  it('fails loudly where fewer tokens open than at capture, in a database and in a file', () =>
    withPromise({ more: ['app.db', 'integrations.json'] }, async ({ scene, source }) => {
      const result = await restore(source, optionsFor(scene.target));
      expect(result.failed.map(({ path, code }) => [path, code])).toEqual([
        ['app.db', 'TOKEN_DEAD'],
        ['integrations.json', 'TOKEN_DEAD'],
      ]);
      expect(result.failed[0]?.message).toBe(
        'app.db: accounts.password: 3 tokens open with the app key, 4 did when it was backed up',
      );
      expect(result.tokens).toEqual({ opened: OPENED, failed: 1 });
    }));

  it.each(['app.db', 'conf/mail.yaml'])('in place swaps nothing then: %s', (path) =>
    withPromise({ more: [path] }, async ({ scene, source }) => {
      writeFileSync(join(scene.source, 'notes.md'), 'written after the backup');
      const result = await restoreOver(source, {
        restore: optionsFor(scene.source),
        policy: { way: 'in-place' },
        root: undefined,
        keep: [],
        ifRunning: 'ignore',
      });
      expect(result).toMatchObject({ swapped: false, moved: [], failed: [{ path, code: 'TOKEN_DEAD' }] });
      expect(readFileSync(join(scene.source, 'notes.md'), 'utf8')).toBe('written after the backup');
    }),
  );

  it('in place swaps where as many open, dead ones or not', () =>
    withPromise({ more: [] }, async ({ scene, source }) => {
      writeFileSync(join(scene.source, '.app_key'), 'lost');
      const result = await restoreOver(source, {
        restore: optionsFor(scene.source),
        policy: { way: 'in-place' },
        root: undefined,
        keep: [],
        ifRunning: 'ignore',
      });
      expect(result).toMatchObject({ swapped: true, failed: [], tokens: { opened: OPENED, failed: 1 } });
    }));

  it('counts only what is restored, with the key that the backup carries', () =>
    withPromise({ more: ['integrations.json'] }, async ({ scene, source }) => {
      const selection = { ...EVERYTHING, paths: ['app.db'] };
      const result = await restore(source, { ...optionsFor(scene.target), selection });
      expect(result).toMatchObject({ failed: [], tokens: { opened: 7, failed: 1 } });
    }));
});

describe('the secret of app keys', () => {
  it('opens the app keys of a backup and nothing else of it', () =>
    withScene('plain', async ({ source: directory, repository, storage, run }) => {
      const key = makeApplication(directory);
      await run();
      const { source, close } = await readNewest(repository);
      try {
        const [carried] = await readAppKeys(source.backup, source.detail, source.blobs);
        expect(carried?.text).toBe(key);
        const ids = new Set((source.backup.manifest.appKeys ?? []).map(({ id }) => id));
        for await (const { pieces } of readEntries(source.pages, source.backup, source.detail))
          for (const { blob } of pieces) ids.add(blob.id);
        const opened: number[] = [];
        const kinds = new Set<number>();
        for (const id of ids) {
          const place = source.blobs.locate(id);
          if (place === undefined) throw new RangeError('a blob of the backup is in no pack');
          const { pack, offset, length } = place;
          const frame = await storage.get(packName(pack), { offset, length });
          kinds.add(frame[7] ?? 0);
          if (opensWithClass1(repository, frame)) opened.push(frame[7] ?? 0);
        }
        expect(kinds.size).toBeGreaterThan(1);
        expect(opened).toEqual([BLOB_KINDS.appKey]);
      } finally {
        close();
      }
    }));
});

/** Has the backup promise one token more than there is, as a writer with a fault (or the vault key) could. */
async function withPromise(
  { more }: { readonly more: readonly string[] },
  use: (of: { readonly scene: Scene; readonly source: RestoreSource }) => Promise<void>,
): Promise<void> {
  await withScene('plain', async (scene) => {
    makeApplication(scene.source);
    const { id } = await scene.run();
    const { source: honest, close: closeHonest } = await readNewest(scene.repository);
    const { manifest } = honest.backup;
    closeHonest();
    const appKeys = (honest.detail.appKeys ?? []).map((row) => {
      const promised = new Set<string>();
      return {
        ...row,
        places: row.places.map((place) => {
          const path = place.path.replace(/^data\//, '');
          if (!more.includes(path) || promised.has(path)) return place;
          promised.add(path);
          return { ...place, opened: place.opened + 1 };
        }),
      };
    });
    const detail: ManifestDetail = { ...honest.detail, appKeys };
    const forged: Manifest = { ...manifest, time: manifest.time + 1, parents: [id], sequence: 2, detail };
    const stored = scene.repository.secrets.backupSigner.sign(SIGNED_TYPES.manifest, encodeManifest(forged));
    const name = Buffer.from(nodeCrypto.sha256(stored)).toString('hex');
    await scene.storage.put(manifestName(name as never), stored);
    const { source, close } = await readNewest(scene.repository);
    try {
      await use({ scene, source });
    } finally {
      close();
    }
  });
}

/** What the holder of a session's secret of class 1, and of nothing else, can do with a frame (§6.4, §6.7). */
function opensWithClass1({ id, secrets }: UnlockedRepository, frame: Uint8Array): boolean {
  const { header, commitment, sealed } = decodeBlobFrame(frame);
  const schedule = keySchedule(nodeCrypto, id);
  const secret = schedule.sessionSecret(secrets.root, header.session, BLOB_KINDS.appKey);
  const keys = blobKey(nodeCrypto, secret, frame.subarray(0, BLOB_HEADER_BYTES));
  const isOpened = nodeCrypto.aesGcmOpen(keys.key, header.nonce, sealed) !== undefined;
  expect(isOpened).toBe(Buffer.compare(keys.commitment, commitment) === 0);
  return isOpened;
}

function optionsFor(target: string): RestoreOptions {
  return { target, selection: EVERYTHING, check: 'full', threads: 0 };
}
