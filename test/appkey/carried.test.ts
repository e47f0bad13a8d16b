/** App keys in backups: apart from all other content, and tried on every token, at capture and at restore (§11.4, §22.4.1). */

import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BackupResult } from '#nbak/backup/result.js';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { BLOB_KINDS } from '#nbak/format/blob.js';
import { readAppKeys, placeText } from '#nbak/repository/app-keys.js';
import { readEntries } from '#nbak/repository/entries.js';
import type { UnlockedRepository } from '#nbak/repository/open.js';
import { judge, judgeDecrypted, readNewest, restoreBackup } from '../support/engine-run.js';
import { makeApplication, OPENED, PLACES, PREFIX, tokenOf } from '../support/keyed-application.js';
import { withScene } from '../support/keyed-scene.js';

afterEach(() => vi.useRealTimers());

describe('app keys in a backup', () => {
  it.each(['plain', 'sealed'] as const)(
    'count at capture what opens, and open as many elsewhere (%s names)',
    (names) =>
      withScene(names, async ({ source, target, storage, keyBytes, run }) => {
        const key = makeApplication(source);
        const result = await run();
        expect(countsOf(result)).toEqual(PLACES);

        const restored = await restoreBackup(storage, keyBytes, { target });
        expect(restored.failed).toEqual([]);
        expect(restored.tokens).toEqual({ opened: OPENED, failed: 1 });
        expect(readFileSync(join(target, '.app_key'), 'utf8')).toBe(key);
      }),
  );

  it('lie in blobs of kind 3 and in no other', () =>
    withScene('plain', async ({ source, repository, run }) => {
      const key = makeApplication(source);
      writeFileSync(join(source, 'between.txt'), 'a neighbour in the same bundle');
      await run();
      const holding = await kindsHolding(repository, key);
      expect(holding).toEqual([BLOB_KINDS.appKey]);
    }));

  it('stay apart under any other name of their file', () =>
    withScene('plain', async ({ source, repository, run }) => {
      const key = makeApplication(source);
      linkSync(join(source, '.app_key'), join(source, 'copy-of-the-key'));
      await run();
      expect(await kindsHolding(repository, key)).toEqual([BLOB_KINDS.appKey]);
    }));

  it('move into a blob of their own when an earlier backup had them as any file', () =>
    withScene('plain', async ({ source, repository, run }) => {
      const key = makeApplication(source);
      await run([]);
      expect(await kindsHolding(repository, key)).not.toContain(BLOB_KINDS.appKey);
      await run();
      expect(await kindsHolding(repository, key)).toEqual([BLOB_KINDS.appKey]);
    }));

  it('are remembered of a database that did not change, and counted anew with another key', () =>
    withScene('plain', async ({ source, run }) => {
      makeApplication(source);
      await run();
      const second = await run();
      expect(countsOf(second)).toEqual(PLACES);
      expect(second.filesUnchanged).toBeGreaterThan(0);
      // The application lost its key and made another one, as Odysseus does.
      writeFileSync(join(source, '.app_key'), newAppKeyText(nodeCrypto));
      const third = await run();
      expect(countsOf(third)).toEqual(
        Object.fromEntries(
          Object.entries(PLACES).map(([place, { opened, failed }]) => [
            place,
            { opened: 0, failed: opened + failed },
          ]),
        ),
      );
    }));

  it('are not counted in a file that changed after its page was taken over', () =>
    withScene('plain', async ({ source, run }) => {
      const key = makeApplication(source);
      // As if the files were older than 2 s: their pages are taken over whole.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 });
      await run();
      const unchanged = await run();
      expect(unchanged.filesUnchanged).toBe(unchanged.filesTotal);
      expect(countsOf(unchanged)).toEqual(PLACES);
      const items = ['x', 'y', 'z'].map((name) => ({ api_key: PREFIX + tokenOf(key, name) }));
      const result = await run(undefined, ({ phase }) => {
        if (phase === 'committing') writeFileSync(join(source, 'integrations.json'), JSON.stringify(items));
      });
      expect(result.filesUnchanged).toBe(result.filesTotal);
      expect(Object.keys(countsOf(result))).toEqual(
        Object.keys(PLACES).filter((place) => !place.startsWith('integrations.json')),
      );
    }));

  it('are carried from the environment, and from .env, where only the manifest names them', () =>
    withScene('plain', async ({ source, storage, publicKey, keyBytes, repository, target, run }) => {
      const key = makeApplication(source);
      writeFileSync(join(source, '.app_key'), '');
      writeFileSync(join(source, '.env'), `OTHER=1\nKEYED_APPLICATION_KEY="${key}"\n`);
      const result = await run();
      expect(result.appKeys[0]?.origin).toEqual({ kind: 'env-file', at: 'KEYED_APPLICATION_KEY' });
      expect(countsOf(result)).toEqual(PLACES);
      expect((await carried(repository)).map(({ text }) => text)).toEqual([key]);
      expect(await judge(storage, publicKey)).toMatchObject({ ok: true, problems: [] });
      expect(await judgeDecrypted(storage, keyBytes)).toMatchObject({ ok: true });
      expect((await restoreBackup(storage, keyBytes, { target })).tokens.opened).toBe(OPENED);
    }));

  it('say of a key that is not there that every token is dead', () =>
    withScene('plain', async ({ source, storage, keyBytes, target, run }) => {
      makeApplication(source);
      writeFileSync(join(source, '.app_key'), '');
      const result = await run();
      expect(result.appKeys).toMatchObject([{ name: 'application', origin: undefined, blob: undefined }]);
      const opened = Object.values(countsOf(result)).map((count) => count.opened);
      expect(opened).toEqual([0, 0, 0, 0]);
      // Dead at capture is dead at restore: that is no failure.
      expect((await restoreBackup(storage, keyBytes, { target })).failed).toEqual([]);
    }));

  it('do not break a backup when tables are missing or the JSON is none', () =>
    withScene('plain', async ({ source, run }) => {
      makeApplication(source);
      writeFileSync(join(source, 'integrations.json'), '{ not json');
      writeFileSync(join(source, 'conf/mail.yaml'), 'a: [1\nb: {');
      const app = new Database(join(source, 'app.db'));
      app.exec('DROP TABLE servers');
      app.close();
      expect(countsOf(await run())).toEqual({
        'app.db: accounts.password': PLACES['app.db: accounts.password'],
      });
    }));
});

function countsOf({ appKeys }: BackupResult): Record<string, { opened: number; failed: number }> {
  const roots = [{ name: 'data', path: '/data', entries: 1 }] as never;
  const places = appKeys.flatMap((row) => row.places);
  const counts = places.map((place): [string, { opened: number; failed: number }] => [
    placeText(place, { roots }),
    { opened: place.opened, failed: place.failed },
  ]);
  return Object.fromEntries(counts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function carried(repository: UnlockedRepository): ReturnType<typeof readAppKeys> {
  const { source, close } = await readNewest(repository);
  try {
    return await readAppKeys(source.backup, source.detail, source.blobs);
  } finally {
    close();
  }
}

/** The kinds of the blobs of the newest backup whose plaintext holds a text. */
async function kindsHolding(repository: UnlockedRepository, text: string): Promise<readonly number[]> {
  const { source, close } = await readNewest(repository);
  try {
    const ids = new Set((source.backup.manifest.appKeys ?? []).map(({ id }) => id));
    for await (const { pieces } of readEntries(source.pages, source.backup, source.detail))
      for (const { blob } of pieces) ids.add(blob.id);
    const kinds = new Set<number>();
    for (const id of ids) {
      const { kind, plaintext } = await source.blobs.read(id);
      if (Buffer.from(plaintext).includes(text)) kinds.add(kind);
    }
    return [...kinds];
  } finally {
    close();
  }
}
