/** In what order a backup looks: databases at one moment, then the tree. */

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { DatabaseMemory } from '#nbak/backup/database-memory.js';
import type { FoundDatabase, SeenDatabases } from '#nbak/backup/databases.js';
import { BackupScope } from '#nbak/backup/scope.js';
import { seeSource, type SeenSource } from '#nbak/backup/see-source.js';
import { Session } from '#nbak/backup/session.js';
import { BlobCatalog } from '#nbak/repository/catalog-blobs.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { toLatin1 } from '#nbak/source/sqlite/header.js';
import { restoreBackup, runBackup, withDirectory } from '../support/engine-run.js';
import { emptyRepository, KEY_BYTES } from '../support/tiny-repository.js';

function makeDatabase(path: string, content = 'x'): void {
  mkdirSync(join(path, '..'), { recursive: true });
  const database = new Database(path);
  database.exec('CREATE TABLE IF NOT EXISTS t (content TEXT)');
  database.prepare('INSERT INTO t VALUES (?)').run(content);
  database.close();
}

/** One time that databases were seen. */
interface Seeing {
  readonly paths: readonly string[];
  readonly signal: AbortSignal;
}

/** What `seeSource` did. */
interface Looked {
  readonly seeings: readonly Seeing[];
  readonly seen: SeenSource;
  /** Paths of the tree. */
  readonly tree: readonly string[];
}

/** Sees `source`, where each time that databases are seen a file appears, `after-1` and so on. */
async function look(
  source: string,
  how: { readonly isChanged?: boolean; readonly memory?: DatabaseMemory; readonly exclude?: string[] } = {},
): Promise<Looked> {
  const { isChanged = true, memory, exclude = [] } = how;
  const scope = new BackupScope({
    sources: [source],
    exclude,
    excludeCaches: true,
    oneFileSystem: false,
    skip: [],
  });
  const directory = scope.roots[0]?.source.directory ?? '';
  const seeings: Seeing[] = [];
  const see = (found: readonly FoundDatabase[], signal: AbortSignal): Promise<SeenDatabases> => {
    seeings.push({ paths: found.map(({ path }) => path), signal });
    writeFileSync(join(directory, `after-${String(seeings.length)}`), '');
    const outcome = Promise.resolve({ outcome: 'damaged', message: '' } as const);
    const databases = new Map(found.map(({ absolute }) => [toLatin1(absolute), { isChanged, outcome }]));
    return Promise.resolve({ cut: 'proven', time: 1, databases, stored: Promise.resolve(new Map()) });
  };
  const seen = await seeSource(scope, { signal: new AbortController().signal, memory, see });
  const tree = [...seen.tree.found.listings.values()].flatMap((listing) =>
    Array.from({ length: listing.length }, (_, i) => listing.path(i)),
  );
  return { seeings, seen, tree };
}

describe('the order of looking', () => {
  it('is databases directly in a source at once, and then the only walk', async () => {
    await withDirectory(async (source) => {
      makeDatabase(join(source, 'a.db'));
      makeDatabase(join(source, 'b.sqlite3'));
      const { seeings, tree } = await look(source);
      expect(seeings.map(({ paths }) => paths)).toEqual([['a.db', 'b.sqlite3']]);
      expect(seeings[0]?.signal.aborted).toBe(false);
      expect(tree).toEqual(['', 'a.db', 'after-1', 'b.sqlite3']);
    });
  });

  it.each(['below/b.db', 'unusual-name'])(
    'begins anew when the walk finds %s, and the tree is as it was after the second moment',
    async (other) => {
      await withDirectory(async (source) => {
        makeDatabase(join(source, 'a.db'));
        makeDatabase(join(source, other));
        const { seeings, tree, seen } = await look(source);
        expect(seeings.map(({ paths }) => paths)).toEqual([['a.db'], ['a.db', other]]);
        // What was begun for the first is to end: it is not what the backup will say.
        expect(seeings.map(({ signal }) => signal.aborted)).toEqual([true, false]);
        expect(tree).toContain('after-2');
        expect([...seen.databases.databases.keys()]).toHaveLength(2);
      });
    },
  );

  it('goes by one walk where no database changed, and asks again about what that walk found', async () => {
    await withDirectory(async (source) => {
      makeDatabase(join(source, 'a.db'));
      makeDatabase(join(source, 'below/b.db'));
      const { seeings, tree } = await look(source, { isChanged: false });
      expect(seeings.map(({ paths }) => paths)).toEqual([['a.db'], ['a.db', 'below/b.db']]);
      expect(tree).toContain('after-1');
      expect(tree).not.toContain('after-2');
    });
  });

  it('guesses nothing that the rules leave out, nothing behind a link, and nothing that only sounds like a database', async () => {
    await withDirectory(async (directory) => {
      const source = join(directory, 'source');
      makeDatabase(join(source, 'a.db'));
      makeDatabase(join(source, 'left-out.db'));
      makeDatabase(join(directory, 'elsewhere.db'));
      symlinkSync(join(directory, 'elsewhere.db'), join(source, 'link.db'));
      makeDatabase(join(source, 'directory.db', 'inner.db'));
      writeFileSync(join(source, 'text.db'), 'x'.repeat(4096));
      const { seeings } = await look(source, { exclude: ['left-out.db', 'directory.db/'] });
      expect(seeings.map(({ paths }) => paths)).toEqual([['a.db']]);
    });
  });

  it('sees a source that is one file', async () => {
    await withDirectory(async (source) => {
      makeDatabase(join(source, 'a.db'));
      makeDatabase(join(source, 'b.db'));
      const { seeings, tree } = await look(join(source, 'a.db'));
      expect(seeings.map(({ paths }) => paths)).toEqual([['a.db']]);
      expect(tree).toEqual(['', 'a.db']);
    });
  });
});

describe('what is remembered of where databases are', () => {
  it('has databases anywhere seen at once by the next backup, is sealed, and follows them as they come and go', async () => {
    await withDirectory(async (directory) => {
      const repository = await emptyRepository();
      const source = join(directory, 'source');
      const catalog = openCatalog(join(directory, 'cache'), repository.unlocked.id);
      const session = new Session(repository.unlocked, new BlobCatalog(catalog), {
        threads: 0,
        doomed: new Set(),
      });
      const memory = new DatabaseMemory(session, catalog);
      const backUp = () => runBackup(repository.unlocked, [source], { catalog });
      const seen = async (): Promise<unknown> =>
        (await look(source, { memory })).seeings.map(({ paths }) => paths);
      try {
        makeDatabase(join(source, 'a.db'));
        makeDatabase(join(source, 'chroma', 'chroma.sqlite3'));
        makeDatabase(join(source, 'deep', 'er', 'not-called-so'));
        const all = ['a.db', 'chroma/chroma.sqlite3', 'deep/er/not-called-so'];
        expect(await seen()).toEqual([['a.db'], all]);
        await backUp();
        expect(await seen()).toEqual([all]);
        catalog.pragma('wal_checkpoint(TRUNCATE)');
        const cache = join(directory, 'cache', repository.unlocked.id);
        const bytes = Buffer.concat(readdirSync(cache).map((name) => readFileSync(join(cache, name))));
        expect(bytes.includes('chroma')).toBe(false);
        expect(bytes.includes('not-called-so')).toBe(false);
        rmSync(join(source, 'deep'), { recursive: true });
        makeDatabase(join(source, 'new', 'b.db'));
        expect(await seen()).toEqual([all.slice(0, 2), [...all.slice(0, 2), 'new/b.db']]);
        await backUp();
        expect(await seen()).toEqual([[...all.slice(0, 2), 'new/b.db']]);
        const target = join(directory, 'restored');
        await restoreBackup(repository.storage, KEY_BYTES, { target });
        for (const name of ['a.db', 'chroma/chroma.sqlite3', 'new/b.db'])
          expect(rowsOf(join(target, name))).toEqual(rowsOf(join(source, name)));
      } finally {
        await session.close();
        catalog.close();
      }
    });
  });

  it('is written once and not by each backup', async () => {
    await withDirectory(async (directory) => {
      const repository = await emptyRepository();
      const source = join(directory, 'source');
      const kept = openCatalog(join(directory, 'cache'), repository.unlocked.id);
      const sealed = (): unknown => kept.prepare('SELECT place, sealed FROM marks').all();
      try {
        makeDatabase(join(source, 'a.db'));
        await runBackup(repository.unlocked, [source], { catalog: kept });
        const before = sealed();
        expect(before).toHaveLength(1);
        makeDatabase(join(source, 'a.db'), 'more');
        await runBackup(repository.unlocked, [source], { catalog: kept });
        expect(sealed()).toEqual(before);
      } finally {
        kept.close();
      }
    });
  });
});

function rowsOf(path: string): unknown {
  const database = new Database(path);
  try {
    return database.prepare('SELECT * FROM t').all();
  } finally {
    database.close();
  }
}
