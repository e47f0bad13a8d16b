/** The databases of a source: found by their header, seen at one moment, stored page-aligned. Implements §7.1 for writers. */

import { DATABASE_CHUNK_BYTES } from '../chunking/sizes.js';
import { concatBytes } from '../format/bytes.js';
import type { DatabaseFacts } from '../format/entry.js';
import type { Cut } from '../format/manifest.js';
import type { BytePath } from '../format/path.js';
import { isNbakError, NbakError } from '../errors.js';
import { pathBelow } from '../source/root.js';
import { captureDatabases, type Capture, type PinnedDatabase } from '../source/sqlite/capture.js';
import { databaseFingerprint } from '../source/sqlite/fingerprint.js';
import { toLatin1 } from '../source/sqlite/header.js';
import { imageWithin, type DatabaseImage } from '../source/sqlite/image.js';
import type { AppKeys } from './app-keys.js';
import type { ChunkStore, StoredChunk } from './chunk-store.js';
import type { BackupOptions } from './result.js';
import type { BackupRoot } from './scope.js';
import type { DatabaseMemory } from './database-memory.js';
import { MARK_ROW_BYTES, tableRows } from './sealing/marks.js';
import type { Loaded } from './sealing/protocol.js';

/** A database file that the scan found. */
export interface FoundDatabase {
  readonly root: BackupRoot;
  readonly path: BytePath;
  readonly absolute: Buffer;
}

/** What became of a database. */
export type DatabaseOutcome =
  | { readonly outcome: 'unchanged'; readonly fingerprint: string }
  | {
      readonly outcome: 'stored';
      readonly size: number;
      readonly chunks: readonly StoredChunk[];
      /** SHA-256 of each chunk. */
      readonly hashes: readonly Uint8Array[];
      readonly facts: DatabaseFacts;
      readonly fingerprint: string;
    }
  /** Its files are to be stored as they are. */
  | { readonly outcome: 'damaged'; readonly message: string }
  | { readonly outcome: 'unreadable'; readonly error: NbakError };

/** A database of this backup. */
export interface SeenDatabase {
  /** False when the last backup has it as it is. */
  readonly isChanged: boolean;
  /** Settles when it is stored; rejects when the backup cannot go on. */
  readonly outcome: Promise<DatabaseOutcome>;
}

/** The databases of one backup: seen at one moment, and being stored from then on. */
export interface SeenDatabases {
  readonly cut: Cut;
  /** Milliseconds since 1970; undefined where no database was pinned. */
  readonly time: number | undefined;
  /** By absolute path as latin1 text. */
  readonly databases: ReadonlyMap<string, SeenDatabase>;
  /** What became of each, by its path, once all are stored and no lock is held any more. */
  readonly stored: Promise<ReadonlyMap<string, DatabaseOutcome>>;
}

/** How often databases thought unchanged may move while the others are pinned before all are captured. */
const MOST_ROUNDS = 3;
const STRETCH_CHUNKS = 37;
const STRETCH_BYTES = STRETCH_CHUNKS * DATABASE_CHUNK_BYTES;
/** Smaller ones are hashed as quickly as their tables are found (§3.12). */
const LEAST_MARKED_BYTES = 8 * 1024 * 1024;

/** How the databases are looked at and kept. */
export interface DatabaseContext {
  readonly chunks: ChunkStore;
  readonly options: Pick<BackupOptions, 'stagingDirectory' | 'lockWaitMs' | 'signal'>;
  /** Says whether a database with this fingerprint is stored already. */
  readonly isKnown: (database: FoundDatabase, fingerprint: string) => boolean;
  readonly onBytes: (bytes: number) => void;
  readonly appKeys: AppKeys;
  /** Absent where nothing would be remembered. */
  readonly memory: DatabaseMemory | undefined;
}

/**
 * Sees all databases at one moment, and begins to store those that changed, one after the other. Whoever calls waits
 * for `stored` before the chunk store is closed, also after a failure.
 *
 * @throws NbakError `SPACE_INSUFFICIENT`, `TARGET_FAILED`, `INTERRUPTED` or a STORAGE code, here or from `stored`. What
 *   is wrong with one database is in its outcome.
 */
export async function seeDatabases(
  found: readonly FoundDatabase[],
  context: DatabaseContext,
): Promise<SeenDatabases> {
  if (found.length === 0)
    return { cut: 'no-databases', time: undefined, databases: new Map(), stored: Promise.resolve(new Map()) };
  for (let round = 1; ; round += 1) {
    const fingerprints = new Map(found.map((database) => [database, databaseFingerprint(database.absolute)]));
    const unchanged = found.filter(
      (database) => round <= MOST_ROUNDS && context.isKnown(database, fingerprints.get(database) ?? ''),
    );
    const changed = found.filter((database) => !unchanged.includes(database));
    const capture = changed.length === 0 ? undefined : await open(changed, context);
    // The cut covers the unchanged ones only if they still are what they were after the last pin.
    if (unchanged.some((database) => databaseFingerprint(database.absolute) !== fingerprints.get(database))) {
      await capture?.close();
      continue;
    }
    const databases = new Map<string, SeenDatabase>();
    for (const database of unchanged) {
      const outcome = { outcome: 'unchanged', fingerprint: fingerprints.get(database) ?? '' } as const;
      databases.set(toLatin1(database.absolute), { isChanged: false, outcome: Promise.resolve(outcome) });
    }
    let last: Promise<unknown> = Promise.resolve();
    for (const pinned of capture?.databases ?? []) {
      const database = changed.find(({ absolute }) => toLatin1(absolute) === toLatin1(pinned.path));
      if (database === undefined) continue;
      const fingerprint = fingerprints.get(database) ?? '';
      // One that cannot be stored for lack of space or storage ends those behind it, too.
      const outcome = last.then(() => store(pinned, { database, fingerprint }, context));
      databases.set(toLatin1(pinned.path), { isChanged: true, outcome });
      last = outcome;
    }
    const stored = last.then(() => outcomesOf(databases)).finally(() => capture?.close());
    // Whoever awaits it is told; nobody may before the backup ends for another reason.
    stored.catch(() => undefined);
    return { cut: capture?.cut ?? 'proven', time: capture?.timeMs, databases, stored };
  }
}

/** The databases below `root`, by their paths. */
export function databasesBelow(
  root: BackupRoot,
  { databases }: SeenDatabases,
): ReadonlyMap<BytePath, SeenDatabase> {
  const below = new Map<BytePath, SeenDatabase>();
  for (const [absolute, database] of databases) {
    const path = pathBelow(root.source, absolute);
    if (path !== undefined) below.set(path, database);
  }
  return below;
}

async function outcomesOf(
  databases: SeenDatabases['databases'],
): Promise<ReadonlyMap<string, DatabaseOutcome>> {
  const outcomes = new Map<string, DatabaseOutcome>();
  for (const [path, { outcome }] of databases) outcomes.set(path, await outcome);
  return outcomes;
}

function open(databases: readonly FoundDatabase[], { options, chunks }: DatabaseContext): Promise<Capture> {
  const { stagingDirectory, lockWaitMs, signal } = options;
  const paths = databases.map(({ absolute }) => absolute);
  const opening = captureDatabases(paths, { stagingDirectory, lockWaitMs, ...(signal && { signal }) });
  // They load while SQLite's process does.
  chunks.startThreads();
  return opening;
}

async function store(
  pinned: PinnedDatabase,
  { database, fingerprint }: { readonly database: FoundDatabase; readonly fingerprint: string },
  context: DatabaseContext,
): Promise<DatabaseOutcome> {
  const message = pinned.message ?? 'SQLite cannot read it';
  if (pinned.outcome === 'damaged') return { outcome: 'damaged', message };
  if (pinned.outcome !== 'pinned') {
    const code = pinned.outcome === 'locked' ? 'DATABASE_LOCKED' : 'SOURCE_UNREADABLE';
    return { outcome: 'unreadable', error: new NbakError(code, message) };
  }
  try {
    const { root, path } = database;
    while (true) {
      await using reading = await pinned.read(context.appKeys.queriesOf(root, path));
      const { size } = reading.image;
      const memory = size < LEAST_MARKED_BYTES ? undefined : context.memory;
      const { rows, ...stored } = await storePages(reading.image, memory?.marksOf(root, path), context);
      const found = await reading.finish();
      // Somebody got round the pin; what comes next is a copy.
      if (found === undefined) continue;
      const { tokens = [], ...facts } = found;
      // What SQLite still reads of a damaged database is worth less than its files as they are.
      if (facts.check === 'damaged') return { outcome: 'damaged', message: 'its integrity check fails' };
      context.appKeys.counted(root, path, tokens);
      memory?.rememberMarks(root, path, rows);
      return { outcome: 'stored', size, ...stored, facts, fingerprint };
    }
  } catch (error) {
    if (isNbakError(error, 'DATABASE_DAMAGED')) return { outcome: 'damaged', message: error.message };
    if (isNbakError(error, 'DATABASE_LOCKED', 'SOURCE_UNREADABLE')) return { outcome: 'unreadable', error };
    throw error;
  }
}

interface StoredPages {
  readonly chunks: readonly StoredChunk[];
  readonly hashes: readonly Uint8Array[];
  /** Its table of marks, where there was one to compare with, if only an empty one. */
  readonly rows: Uint8Array;
}

async function storePages(
  image: DatabaseImage,
  table: Uint8Array | undefined,
  { chunks: store, onBytes }: DatabaseContext,
): Promise<StoredPages> {
  const stored: Promise<readonly StoredChunk[]>[] = [];
  const loaded: Promise<Loaded>[] = [];
  try {
    for (let offset = 0; offset < image.size; offset += STRETCH_BYTES) {
      const length = Math.min(STRETCH_BYTES, image.size - offset);
      const part = imageWithin(image, offset, length);
      const known = table && rowsAt(table, offset);
      const unit = store.store({ kind: 'pages', image: part, offset, length, ...(known && { known }) });
      stored.push(unit.stored);
      loaded.push(unit.loaded);
      onBytes(length);
      await store.ready();
    }
  } finally {
    // Threads read from descriptors that the caller closes.
    await Promise.allSettled(loaded);
  }
  const units = await Promise.all(loaded);
  return {
    chunks: (await Promise.all(stored)).flat(),
    hashes: units.flatMap(hashesOf),
    rows: concatBytes(...units.map(tableRows)),
  };
}

/** The rows of a stretch, in memory of their own: what is sent to a thread takes all of its buffer along. */
function rowsAt(table: Uint8Array, offset: number): Uint8Array {
  const first = offset / DATABASE_CHUNK_BYTES;
  return table.slice(MARK_ROW_BYTES * first, MARK_ROW_BYTES * (first + STRETCH_CHUNKS));
}

function hashesOf({ hashes, chunks }: Loaded): readonly Uint8Array[] {
  return chunks.map((_, i) => hashes.subarray(32 * i, 32 * i + 32));
}
