/** A12: neither content nor a hash of it nor, where sealed, a name is in the repository, the cache or the staging directory. */

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { concatBytes } from '#nbak/format/bytes.js';
import type { NamesMode } from '#nbak/format/manifest.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { decompress } from '#nbak/compression/zstd.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { judgeDecrypted, runBackup, withDirectory } from '../support/engine-run.js';
import { emptyRepository, KEY_BYTES, writeFiles } from '../support/tiny-repository.js';

const CHUNK = 64 * 1024;

/** Random text that occurs nowhere by chance and is itself not compressible away. */
function canary(): string {
  return `canary${Buffer.from(nodeCrypto.randomBytes(16)).toString('hex')}`;
}

interface Scene {
  readonly names: NamesMode;
  /** Every byte that lies in a place, by file; compressed objects also as what they decompress to. */
  readonly places: Readonly<Record<'repository' | 'cache' | 'staging', readonly Found[]>>;
  readonly contents: readonly string[];
  readonly nameCanaries: readonly string[];
  /** One of them: the root's. */
  readonly rootName: string;
  readonly sources: readonly Uint8Array[];
}

interface Found {
  readonly file: string;
  readonly bytes: Buffer;
}

function everyFile(directory: string): readonly Found[] {
  return filesBelow(directory).flatMap((file): Found[] => {
    const bytes = readFileSync(file);
    // The name of a file in the repository is part of what a thief sees.
    return [
      { file, bytes },
      { file, bytes: Buffer.from(file.slice(directory.length)) },
      ...inflated(file, bytes),
    ];
  });
}

function filesBelow(directory: string): readonly string[] {
  return (readdirSync(directory, { recursive: true }) as string[])
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path).isFile());
}

/** What the files below a directory hold at this moment. */
function contentsBelow(directory: string): readonly Uint8Array[] {
  return filesBelow(directory).map((file) => readFileSync(file));
}

/** Pages and index objects are compressed; what they say is what a thief reads. */
function inflated(file: string, bytes: Buffer): readonly Found[] {
  const magic = bytes.subarray(0, 4).toString('latin1');
  if ((magic !== 'NBKP' && magic !== 'NBKI') || bytes[5] !== 1) return [];
  const raw = decompress(bytes.subarray(10), bytes.readUInt32BE(6));
  if (raw === undefined) throw new Error(`${file} does not decompress`);
  return [{ file: `${file} decompressed`, bytes: Buffer.from(raw) }];
}

async function scene(names: NamesMode): Promise<Scene> {
  return withDirectory(async (directory) => {
    const [repositoryDir, cache, staging] = ['repository', 'cache', 'staging'].map((name) =>
      join(directory, name),
    );
    if (repositoryDir === undefined || cache === undefined || staging === undefined)
      throw new Error('no places');
    mkdirSync(staging);
    const contents = Array.from({ length: 6 }, canary);
    const nameCanaries = Array.from({ length: 4 }, canary);
    const [small = '', medium = '', large = '', row = '', wal = '', unicode = ''] = contents;
    const [fileName = '', directoryName = '', databaseName = '', linkTarget = ''] = nameCanaries;
    const rootName = canary();
    const source = join(directory, rootName);
    writeFiles(source, {
      [`${directoryName}/${fileName}`]: small,
      'medium.txt': medium.repeat(2000),
      'large.bin': concatBytes(
        nodeCrypto.randomBytes(900_000),
        Buffer.from(large),
        nodeCrypto.randomBytes(900_000),
      ),
      'unicode.txt': `ä ${unicode} ü`,
      empty: '',
    });
    const database = new Database(join(source, `${databaseName}.db`));
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE t (x TEXT)');
    for (let i = 0; i < 2000; i += 1) database.prepare('INSERT INTO t VALUES (?)').run(`${row} ${String(i)}`);
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.prepare('INSERT INTO t VALUES (?)').run(wal);
    symlinkSync(linkTarget, join(source, 'link'));

    const local = await openLocalStorage(repositoryDir, { mode: 'create' });
    const { unlocked, storage } = await emptyRepository(names, local);
    const catalog = openCatalog(cache, unlocked.id);
    const sources: Uint8Array[] = [];
    // More than once, so that the change cache is filled and used.
    for (let run = 0; run < 3; run += 1) {
      await new Promise((settle) => setTimeout(settle, 50));
      if (run === 2) database.prepare('INSERT INTO t VALUES (?)').run(`${wal} again`);
      await runBackup(unlocked, [source], { catalog, staging });
      sources.push(...contentsBelow(source), database.serialize());
    }
    // The cache as it lies there while the program runs, its write-ahead log included.
    const open = everyFile(cache);
    const places = { repository: everyFile(repositoryDir), staging: everyFile(staging) };
    catalog.close();
    database.close();
    expect(await judgeDecrypted(storage, KEY_BYTES)).toMatchObject({ ok: true });
    expect((await openWithVaultKey(storage, nodeCrypto, KEY_BYTES)).names).toBe(names);
    await storage.close();
    return {
      names,
      places: { ...places, cache: [...open, ...everyFile(cache)] },
      contents,
      nameCanaries: [...nameCanaries, rootName],
      rootName,
      sources,
    };
  });
}

/** Where `needle` occurs. */
function occurrences(haystack: readonly Found[], needle: Buffer): readonly string[] {
  return haystack.filter(({ bytes }) => bytes.includes(needle)).map(({ file }) => file);
}

/** The forms in which text could lie about. */
function formsOf(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text);
  return [
    bytes,
    Buffer.from(bytes.toString('hex')),
    Buffer.from(text, 'utf16le'),
    // Base64 of the middle, whatever the alignment.
    ...[0, 1, 2].map((shift) =>
      Buffer.from(bytes.subarray(shift, bytes.length - ((bytes.length - shift) % 3)).toString('base64')),
    ),
  ];
}

/** Raw and hexadecimal hashes of everything that somebody who knows a file could compute of it. */
function hashesOf(source: Uint8Array): readonly Buffer[] {
  const pieces = [source];
  for (let at = 0; at < source.length; at += CHUNK) pieces.push(source.subarray(at, at + CHUNK));
  const digests = pieces.flatMap((piece) =>
    ['sha256', 'sha1', 'md5'].map((name) => createHash(name).update(piece).digest()),
  );
  // H of §10.5: the hash over the hashes of the pieces, of one piece and of all chunks.
  const piecewise = pieces.slice(1).map((piece) => createHash('sha256').update(piece).digest());
  const lists = [piecewise, ...pieces.map((piece) => [createHash('sha256').update(piece).digest()])];
  digests.push(
    ...lists.map((list) =>
      createHash('sha256')
        .update(concatBytes(...list))
        .digest(),
    ),
  );
  return digests.flatMap((digest) => [digest, Buffer.from(digest.toString('hex'))]);
}

for (const names of ['plain', 'sealed'] as const) {
  describe(`A12 traces of plaintext, ${names} names`, () => {
    let seen: Scene;

    beforeAll(async () => {
      seen = await scene(names);
    });

    it('A12: the places that are searched are not empty, and the search finds what is there', () => {
      expect(seen.places.repository.length).toBeGreaterThan(10);
      expect(seen.places.cache.length).toBeGreaterThan(1);
      expect(seen.sources.length).toBeGreaterThanOrEqual(6);
      const [first = ''] = seen.contents;
      const sources = seen.sources.map((bytes) => ({ file: '', bytes: Buffer.from(bytes) }));
      expect(occurrences(sources, Buffer.from(first)).length).toBeGreaterThan(0);
      const magic = occurrences(seen.places.repository, Buffer.from('NBKF'));
      expect(magic.length).toBeGreaterThan(0);
    });

    for (const place of ['repository', 'cache', 'staging'] as const) {
      it(`A12: no content is in the ${place}`, () => {
        for (const text of seen.contents) {
          for (const form of formsOf(text)) expect(occurrences(seen.places[place], form)).toEqual([]);
        }
      });

      it(`A12: no hash of a file, or of 64 KiB of it, is in the ${place}`, () => {
        // The hash of the empty string is a constant, not a trace.
        const hashes = seen.sources.filter(({ length }) => length > 0).flatMap(hashesOf);
        expect(hashes.length).toBeGreaterThan(300);
        const everything = Buffer.concat(seen.places[place].map(({ bytes }) => bytes));
        expect(hashes.filter((hash) => everything.includes(hash))).toEqual([]);
      });
    }

    it(`A12: names are ${names === 'sealed' ? 'nowhere' : 'in pages and manifests only, as plain names mean'}`, () => {
      for (const name of seen.nameCanaries) {
        for (const form of formsOf(name)) {
          // The cache remembers what plain manifests say of their roots, and no other name.
          if (names === 'sealed' || name !== seen.rootName)
            expect(occurrences(seen.places.cache, form)).toEqual([]);
          expect(occurrences(seen.places.staging, form)).toEqual([]);
          const found = occurrences(seen.places.repository, form);
          if (names === 'sealed') expect(found).toEqual([]);
          else expect(found.filter((file) => !/\/(pages|manifests)\//.test(file))).toEqual([]);
        }
      }
      if (names === 'plain') {
        const [name = ''] = seen.nameCanaries;
        expect(occurrences(seen.places.repository, Buffer.from(name)).length).toBeGreaterThan(0);
      }
    });

    it('A12: the staging directory is empty when the backup is done', () => {
      expect(seen.places.staging).toEqual([]);
    });
  });
}
