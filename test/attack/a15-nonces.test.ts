/** A15: no run, retry, crash or clone seals twice under one key and nonce. */

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { isNbakError } from '#nbak/errors.js';
import { decodeBlobFrame } from '#nbak/format/blob.js';
import { toHex } from '#nbak/format/bytes.js';
import { backup } from '#nbak/backup/backup.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import type { Storage } from '#nbak/storage/storage.js';
import { ordinaryBackup, withDirectory } from '../support/engine-run.js';
import { faultyStorage, type Effect, type Operation } from '../support/faulty-storage.js';
import { framesOf, sha256 } from '../support/outsider.js';
import { objectsUnder, snapshotOf, storageWith, type Snapshot } from '../support/snapshots.js';
import { emptyRepository, KEY_BYTES, writeFiles } from '../support/tiny-repository.js';

/** Every frame of every pack, each once: what two storages share is one frame. */
class Frames {
  readonly #frames = new Map<string, { readonly session: string; readonly nonce: string }>();

  collect(snapshot: Snapshot): void {
    for (const [, pack] of objectsUnder(snapshot, 'packs/')) {
      for (const frame of framesOf(pack)) {
        const { header } = decodeBlobFrame(frame);
        this.#frames.set(sha256(frame), { session: toHex(header.session), nonce: toHex(header.nonce) });
      }
    }
  }

  get count(): number {
    return this.#frames.size;
  }

  get sessions(): ReadonlySet<string> {
    return new Set([...this.#frames.values()].map(({ session }) => session));
  }

  /** Pairs of salt and nonce that two different frames share. */
  get repeated(): readonly string[] {
    const pairs = [...this.#frames.values()].map(({ session, nonce }) => `${session} ${nonce}`);
    return pairs.filter((pair, i) => pairs.indexOf(pair) !== i);
  }
}

/** Files that share nothing with those of another `state`: chunks of their own and bundles. */
function files(state: string): Readonly<Record<string, Uint8Array | string>> {
  const large = Array.from(
    { length: 6 },
    (_, i) => [`large${String(i)}`, nodeCrypto.randomBytes(40_000)] as const,
  );
  const small = Array.from({ length: 10 }, (_, i) => [`small${String(i)}`, `${state} ${String(i)}`] as const);
  return Object.fromEntries<Uint8Array | string>([...large, ...small]);
}

interface Run {
  readonly storage: Storage;
  readonly directory: string;
  readonly cache: string;
  readonly threads: number;
}

/** A backup with the catalog in `cache`; what the storage makes of it is the test's affair. */
async function run({ storage, directory, cache, threads }: Run): Promise<'done' | 'failed'> {
  const repository = await openWithVaultKey(storage, nodeCrypto, KEY_BYTES);
  const catalog = openCatalog(cache, repository.id);
  try {
    await backup(repository, catalog, {
      ...ordinaryBackup([directory]),
      stagingDirectory: cache,
      threads,
    });
    return 'done';
  } catch (error) {
    if (!isNbakError(error)) throw error;
    return 'failed';
  } finally {
    catalog.close();
  }
}

describe('A15 nonce reuse', () => {
  for (const threads of [0, 2]) {
    it(`A15: every run has a salt of its own and no nonce twice, with ${String(threads)} threads`, async () => {
      const { storage } = await emptyRepository();
      const frames = new Frames();
      await withDirectory(async (directory) => {
        const cache = join(directory, 'cache');
        mkdirSync(cache);
        for (const state of ['first', 'second', 'third']) {
          writeFiles(join(directory, 's'), files(state));
          expect(await run({ storage, directory: join(directory, 's'), cache, threads })).toBe('done');
        }
      });
      frames.collect(await snapshotOf(storage));
      expect(frames.count).toBeGreaterThan(20);
      expect(frames.sessions.size).toBe(3);
      expect(frames.repeated).toEqual([]);
    });
  }

  it('A15: a run that the storage fails or kills anywhere, and every retry of it, has a salt of its own', async () => {
    const { storage: inner } = await emptyRepository();
    const frames = new Frames();
    const outcomes: string[] = [];
    await withDirectory(async (directory) => {
      const cache = join(directory, 'cache');
      mkdirSync(cache);
      const source = join(directory, 's');
      const operations: readonly Operation[] = ['create', 'write', 'commit', 'put', 'list', 'get'];
      const effects: readonly Effect[] = (['fail', 'crash'] as const).flatMap((kind) =>
        (['before', 'after'] as const).map((when) => ({ kind, when })),
      );
      for (const on of operations) {
        for (const effect of effects) {
          for (const nth of [1, 3]) {
            writeFiles(source, files(`${on} ${effect.kind} ${String(nth)}`));
            const storage = faultyStorage(inner, [{ on: [on], nth: nth + (on === 'get' ? 2 : 0), effect }]);
            // The failed run, then the retry by the same and by a fresh process.
            const first = await run({ storage, directory: source, cache, threads: 0 }).catch(
              (error: unknown) => {
                if (isNbakError(error)) return 'failed';
                throw error;
              },
            );
            outcomes.push(first);
            expect(await run({ storage: inner, directory: source, cache, threads: 0 })).toBe('done');
          }
        }
      }
    });
    frames.collect(await snapshotOf(inner));
    expect(outcomes.filter((outcome) => outcome === 'failed').length).toBeGreaterThan(20);
    expect(frames.sessions.size).toBeGreaterThan(20);
    expect(frames.repeated).toEqual([]);
  });

  it('A15: runs cloned from one storage and one catalog share no salt and no nonce', async () => {
    const { storage, unlocked } = await emptyRepository();
    const frames = new Frames();
    await withDirectory(async (directory) => {
      const cache = join(directory, 'cache');
      mkdirSync(cache);
      writeFiles(join(directory, 's'), files('common'));
      await run({ storage, directory: join(directory, 's'), cache, threads: 0 });
      const snapshot = await snapshotOf(storage);
      const before = new Frames();
      before.collect(snapshot);
      expect(before.sessions.size).toBe(1);
      // As if a machine had been copied between two backups: the same storage, the same catalog, the same moment.
      const clones = await Promise.all(
        ['one', 'two', 'three', 'four'].map(async (name) => {
          const copy = join(directory, name);
          mkdirSync(join(copy, unlocked.id), { recursive: true });
          for (const file of readdirSync(join(cache, unlocked.id)))
            copyFileSync(join(cache, unlocked.id, file), join(copy, unlocked.id, file));
          writeFiles(join(copy, 's'), files(name));
          return {
            storage: await storageWith(snapshot),
            directory: join(copy, 's'),
            cache: copy,
            threads: 0,
          };
        }),
      );
      expect(await Promise.all(clones.map(run))).toEqual(['done', 'done', 'done', 'done']);
      for (const clone of clones) frames.collect(await snapshotOf(clone.storage));
      expect(frames.sessions.size).toBe(1 + clones.length);
      expect(frames.repeated).toEqual([]);
      expect(frames.count).toBeGreaterThan(before.count * 4);
    });
  });

  it('A15: two runs at once on one storage share no salt and no nonce, nor content in spite of it', async () => {
    const { storage } = await emptyRepository();
    const frames = new Frames();
    await withDirectory(async (directory) => {
      const runs = ['one', 'two'].map((name) => {
        const cache = join(directory, name);
        mkdirSync(cache);
        writeFiles(join(cache, 's'), { ...files(name), shared: 'the same' });
        return { storage, directory: join(cache, 's'), cache, threads: 0 };
      });
      expect(await Promise.all(runs.map(run))).toEqual(['done', 'done']);
    });
    frames.collect(await snapshotOf(storage));
    expect(frames.sessions.size).toBe(2);
    expect(frames.repeated).toEqual([]);
  });
});
