/** Chunks of a database that are known again by their marks (§3.12). */

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { MARK_ROW_BYTES, Marker, tableRows } from '#nbak/backup/sealing/marks.js';
import { DATABASE_CHUNK_BYTES } from '#nbak/chunking/sizes.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { ZERO_NONCE } from '#nbak/crypto/provider.js';
import { concatBytes } from '#nbak/format/bytes.js';
import type { RepositoryId } from '#nbak/format/ids.js';
import { openCatalog, type Catalog } from '#nbak/repository/catalog.js';
import { MarkCatalog } from '#nbak/repository/catalog-marks.js';
import { keySchedule } from '#nbak/vault/key-schedule.js';
import { judgeDecrypted, restoreBackup, runBackup, withDirectory } from '../support/engine-run.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from '../support/tiny-repository.js';

const ROWS = 3000;

/** A source with one database of 12 MB, a repository, and a catalog on disk. */
interface Scene {
  readonly repository: TestRepository;
  readonly directory: string;
  readonly source: string;
  readonly database: Database.Database;
  readonly catalog: Catalog;
}

async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const repository = await emptyRepository();
    const source = join(directory, 'source');
    mkdirSync(source);
    // With a rollback journal the file is the database, byte for byte.
    const database = new Database(join(source, 'a.db'));
    database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, content BLOB)');
    const insert = database.prepare('INSERT INTO t VALUES (?, ?)');
    database.transaction(() => {
      for (let id = 1; id <= ROWS; id += 1) insert.run(id, randomBytes(4000));
    })();
    const catalog = openCatalog(join(directory, 'cache'), repository.unlocked.id);
    try {
      await use({ repository, directory, source, database, catalog });
    } finally {
      database.close();
      catalog.close();
    }
  });
}

const backUp = ({ repository, source, catalog }: Scene): ReturnType<typeof runBackup> =>
  runBackup(repository.unlocked, [source], { catalog });

function change({ database }: Scene, id: number): void {
  database.prepare('UPDATE t SET content = ? WHERE id = ?').run(randomBytes(4000), id);
}

let restored = 0;

async function expectRestored({ repository, directory, source }: Scene): Promise<void> {
  const target = join(directory, `restored-${String((restored += 1))}`);
  await restoreBackup(repository.storage, KEY_BYTES, { target });
  expect(readFileSync(join(target, 'a.db')).equals(readFileSync(join(source, 'a.db')))).toBe(true);
}

function chunksOf({ source }: Scene): readonly Buffer[] {
  const bytes = readFileSync(join(source, 'a.db'));
  return Array.from({ length: Math.ceil(bytes.length / DATABASE_CHUNK_BYTES) }, (_, i) =>
    bytes.subarray(DATABASE_CHUNK_BYTES * i, DATABASE_CHUNK_BYTES * (i + 1)),
  );
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

interface Row {
  readonly place: Buffer;
  readonly sealed: Buffer;
}

/** The table of the database: its place is a keyed hash of where it is. */
const rowOf = (scene: Scene): Row | undefined =>
  scene.catalog
    .prepare<[Uint8Array], Row>('SELECT place, sealed FROM marks WHERE place = ?')
    .get(keysOf(scene).place);

const keysOf = ({ source, repository: { unlocked } }: Scene) => {
  const schedule = keySchedule(nodeCrypto, unlocked.id);
  const secret = unlocked.secrets.dedup[0]?.secret ?? new Uint8Array();
  return {
    place: nodeCrypto
      .hmacSha256(
        schedule.digestKey(secret),
        Buffer.from(`nbak/v2/catalog/path\0${realpathSync(source)}\0a.db`),
      )
      .subarray(0, 16),
    markKey: schedule.markKey(secret),
    tableKey: (salt: Uint8Array, place: Uint8Array) => schedule.markTableKey(secret, salt, place),
  };
};

/** The table as a writer reads it. */
function openTable(scene: Scene): Uint8Array | undefined {
  const { place, sealed } = rowOf(scene) ?? { place: Buffer.of(), sealed: Buffer.of() };
  const key = keysOf(scene).tableKey(sealed.subarray(0, 16), place);
  return nodeCrypto.aesGcmOpen(key, ZERO_NONCE, sealed.subarray(16));
}

describe('a marker', () => {
  it('takes the hash of a chunk with a known mark from the table, and computes every other', () => {
    const key = new Uint8Array(32).fill(3);
    const marker = new Marker(nodeCrypto, key);
    const chunks = [Buffer.from('same'), Buffer.from('changed'), Buffer.from('new')];
    const before = [Buffer.from('same'), Buffer.from('as it was')];
    const lie = new Uint8Array(32).fill(9);
    const known = concatBytes(...before.flatMap((chunk) => [nodeCrypto.gmac(key, chunk), lie]));
    const marked = marker.mark(chunks, known);
    const rows = tableRows(marked);
    const expected = [lie, sha256(Buffer.from('changed')), sha256(Buffer.from('new'))];
    expect(Buffer.from(marked.hashes)).toEqual(Buffer.concat(expected));
    expect(Buffer.from(rows)).toEqual(
      Buffer.concat(chunks.flatMap((chunk, i) => [nodeCrypto.gmac(key, chunk), expected[i] ?? lie])),
    );
    expect(rows.length).toBe(3 * MARK_ROW_BYTES);
  });
});

describe('a database whose chunks are known', () => {
  it('is restored byte for byte after it changed, grew and shrank', async () => {
    await withScene(async (scene) => {
      await backUp(scene);
      await expectRestored(scene);
      for (let round = 0; round < 3; round += 1) {
        for (let i = 0; i < 5; i += 1) change(scene, 1 + ((577 * round + 131 * i) % ROWS));
        if (round === 1)
          scene.database.exec('INSERT INTO t SELECT id + 10000, content FROM t WHERE id <= 300');
        if (round === 2) scene.database.exec('DELETE FROM t WHERE id % 5 = 0; VACUUM');
        await backUp(scene);
        await expectRestored(scene);
        expect(openTable(scene)?.length).toBe(MARK_ROW_BYTES * chunksOf(scene).length);
      }
    });
  });

  it('is not hashed where its chunks are those of the table: a table that lies is believed, and the lie found', async () => {
    await withScene(async (scene) => {
      await backUp(scene);
      const table = openTable(scene) ?? new Uint8Array();
      const { markKey, tableKey } = keysOf(scene);
      expect(Buffer.from(table)).toEqual(
        Buffer.concat(chunksOf(scene).flatMap((chunk) => [nodeCrypto.gmac(markKey, chunk), sha256(chunk)])),
      );
      expect((await judgeDecrypted(scene.repository.storage, KEY_BYTES)).codes).toEqual([]);
      // Nobody but the owner could write it; it is the one way to see that a table is used.
      const place = rowOf(scene)?.place ?? new Uint8Array();
      const salt = new Uint8Array(16);
      const lying = new Uint8Array(table).fill(0, MARK_ROW_BYTES * 50 + 16, MARK_ROW_BYTES * 51);
      const sealed = nodeCrypto.aesGcmSeal(tableKey(salt, place), ZERO_NONCE, lying);
      new MarkCatalog(scene.catalog).remember(place, concatBytes(salt, sealed));
      change(scene, 1);
      await backUp(scene);
      expect((await judgeDecrypted(scene.repository.storage, KEY_BYTES)).codes).toEqual(['BLOB_TAMPERED']);
    });
  });

  it.each([
    ['flipped in one bit', ({ sealed }: Row) => sealed.map((byte, i) => (i === 700 ? byte ^ 1 : byte))],
    ['under another salt', ({ sealed }: Row) => sealed.map((byte, i) => (i === 3 ? byte ^ 1 : byte))],
    ['cut', ({ sealed }: Row) => sealed.subarray(0, 1000)],
    ['shorter than a salt', ({ sealed }: Row) => sealed.subarray(0, 5)],
    ['empty', () => new Uint8Array()],
  ])('is hashed as ever when the table is %s, and has a new one then', async (_, damage) => {
    await withScene(async (scene) => {
      await backUp(scene);
      const row = rowOf(scene);
      if (row === undefined) throw new Error('there is no table');
      new MarkCatalog(scene.catalog).remember(row.place, damage(row));
      expect(openTable(scene)).toBeUndefined();
      change(scene, 7);
      await backUp(scene);
      await expectRestored(scene);
      expect(openTable(scene)).toBeDefined();
    });
  });

  it('leaves neither a hash nor a mark of a chunk readable in the cache', async () => {
    await withScene(async (scene) => {
      await backUp(scene);
      scene.catalog.pragma('wal_checkpoint(TRUNCATE)');
      const cache = join(scene.directory, 'cache', scene.repository.unlocked.id);
      const bytes = Buffer.concat(readdirSync(cache).map((name) => readFileSync(join(cache, name))));
      const { markKey } = keysOf(scene);
      // What is searched for would be found: the sealed table's begin is there.
      expect(bytes.includes(rowOf(scene)?.sealed.subarray(0, 64) ?? '?')).toBe(true);
      for (const chunk of chunksOf(scene)) {
        expect(bytes.includes(sha256(chunk).subarray(0, 8))).toBe(false);
        expect(bytes.includes(Buffer.from(nodeCrypto.gmac(markKey, chunk)).subarray(0, 8))).toBe(false);
      }
    });
  });

  it('has no table when it is small', async () => {
    await withScene(async (scene) => {
      scene.database.exec('DELETE FROM t WHERE id > 1000; VACUUM');
      await backUp(scene);
      expect(rowOf(scene)).toBeUndefined();
    });
  });
});

it('a table that nothing replaced for three months is dropped when another is written', async () => {
  await withDirectory((directory) => {
    const catalog = openCatalog(directory, 'ab'.repeat(16) as RepositoryId);
    const tables = new MarkCatalog(catalog);
    const place = (number: number): Uint8Array => new Uint8Array(16).fill(number);
    for (const number of [1, 2, 3]) tables.remember(place(number), Uint8Array.of(number));
    const age = catalog.prepare('UPDATE marks SET day = day - ? WHERE place = ?');
    age.run(91, place(1));
    age.run(89, place(2));
    tables.remember(place(3), Uint8Array.of(30));
    expect([1, 2, 3].map((number) => tables.tableOf(place(number)))).toEqual([
      undefined,
      Buffer.of(2),
      Buffer.of(30),
    ]);
    catalog.close();
    return Promise.resolve();
  });
});
