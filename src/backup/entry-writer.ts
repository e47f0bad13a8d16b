/** The second walk: every entry with its content, in path order, into pages. */

import { setImmediate } from 'node:timers/promises';
import { isNbakError } from '../errors.js';
import { ENTRY_FLAGS, type DatabaseFacts, type EntryExtra } from '../format/entry.js';
import type { Totals } from '../format/manifest.js';
import type { RememberedFile } from '../repository/catalog-files.js';
import type { SourceEntry } from '../source/entry.js';
import { readOwners } from '../source/owners.js';
import { toLatin1 } from '../source/sqlite/header.js';
import { Bundler, type SmallFileContent } from './bundler.js';
import type { ChangeCache } from './change-cache.js';
import type { StoredChunk } from './chunk-store.js';
import { contentDigest, contentHash } from '../repository/content-digest.js';
import type { ContentPiece } from './content.js';
import type { DatabaseOutcome } from './databases.js';
import { isBundled, readSmallFile, storeFile } from './file-store.js';
import type { PageBuilder } from './page-builder.js';
import type { Problems } from './problems.js';
import type { Progress } from './progress.js';
import { interrupted, looksLikeDatabase } from './scan.js';
import type { BackupRoot, BackupScope } from './scope.js';
import type { Session } from './session.js';

/** What the entry writer works with. */
export interface EntryWriterParts {
  readonly session: Session;
  readonly builder: PageBuilder;
  readonly scope: BackupScope;
  readonly cache: ChangeCache;
  readonly problems: Problems;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** What became of the databases, and what is not stored because of it. */
export interface DatabaseResults {
  /** By absolute path as latin1 text. */
  readonly outcomes: ReadonlyMap<string, DatabaseOutcome>;
  /** Unchanged databases as the cache remembers them, by the same paths. */
  readonly remembered: ReadonlyMap<string, RememberedFile>;
  /** Sidecars of captured databases, by absolute path. */
  readonly sidecars: ReadonlySet<string>;
}

/** A file's data, ready for its entry. */
interface Content {
  readonly size: number;
  readonly pieces: readonly ContentPiece[];
  readonly digest: Uint8Array;
  readonly database?: DatabaseFacts;
  readonly flags?: number;
}

/** An entry that waits for its content, behind those before it. */
interface Waiting {
  readonly root: BackupRoot;
  readonly entry: SourceEntry;
  readonly hardLink: number | undefined;
  /** Absent while it is on its way; undefined content means: leave the entry out. */
  result?: { readonly content: Content | undefined } | { readonly error: unknown };
  readonly settled: Promise<void>;
}

/** Content that may still be on its way; in an object, so that awaiting the reading does not await the sealing. */
interface Later {
  readonly content: Content | undefined | Promise<Content | undefined>;
}

const here = (content: Content | undefined): Later => ({ content });

/** Entries that may wait before segments are sent on their way early. */
const MOST_WAITING = 8192;
const YIELD_EVERY = 1024;
const NO_CONTENT: Content = { size: 0, pieces: [], digest: new Uint8Array(0) };

/** Writes the entries of all roots. */
export class EntryWriter {
  /** Totals of §11.2. */
  totals: Totals = { files: 0, directories: 0, others: 0, bytes: 0 };
  filesUnchanged = 0;
  readonly #parts: EntryWriterParts;
  readonly #databases: DatabaseResults;
  readonly #owners = readOwners();
  readonly #hardLinks = new Map<string, number>();
  readonly #entries = new Map<BackupRoot, number>();
  #waiting: Waiting[] = [];

  constructor(parts: EntryWriterParts, databases: DatabaseResults) {
    this.#parts = parts;
    this.#databases = databases;
  }

  /** How many entries a root has. */
  entriesOf(root: BackupRoot): number {
    return this.#entries.get(root) ?? 0;
  }

  /** Walks one root and writes its entries. */
  async writeRoot(root: BackupRoot): Promise<void> {
    const { scope, session, builder, problems, signal } = this.#parts;
    const { crypto } = session.repository;
    const bundler = new Bundler(crypto, session.keys.borderKey, session.chunks);
    const walked = scope.walk(root, (problem) => problems.add(root, problem));
    let seen = 0;
    for (const entry of walked) {
      seen += 1;
      // The walk is synchronous: signals and timers get their turn here.
      if (seen % YIELD_EVERY === 0) await setImmediate();
      if (signal?.aborted === true) throw interrupted();
      bundler.pass();
      const absolute = scope.absolute(root, entry.path);
      if (this.#databases.sidecars.has(toLatin1(absolute))) continue;
      const later =
        entry.kind === 'file' ? await this.#contentOf(root, entry, { absolute, bundler }) : here(NO_CONTENT);
      this.#enqueue(root, entry, later.content);
      // Small files are read faster than they are sealed: without this they would pile up in memory.
      if (entry.kind === 'file') await session.chunks.ready();
      if (this.#waiting.length >= MOST_WAITING) {
        await session.chunks.flush();
        await this.#writeSettled();
      }
    }
    bundler.end();
    await session.chunks.flush();
    while (this.#waiting.length > 0) {
      await this.#waiting[0]?.settled;
      await this.#writeSettled();
    }
    await builder.endPage();
  }

  #enqueue(
    root: BackupRoot,
    entry: SourceEntry,
    content: Content | undefined | Promise<Content | undefined>,
  ): void {
    const waiting: Waiting = {
      root,
      entry,
      hardLink: this.#hardLinkOf(entry),
      settled: Promise.resolve(content).then(
        (value) => void (waiting.result = { content: value }),
        (error: unknown) => void (waiting.result = { error }),
      ),
    };
    this.#waiting.push(waiting);
  }

  /** Writes the entries at the front whose content is there. */
  async #writeSettled(): Promise<void> {
    let written = 0;
    for (const { result, ...waiting } of this.#waiting) {
      if (result === undefined) break;
      if ('error' in result) this.#collect(waiting.root, waiting.entry, result.error);
      else if (result.content !== undefined) await this.#write(waiting, result.content);
      written += 1;
    }
    this.#waiting = this.#waiting.slice(written);
  }

  /** A single file that cannot be read is collected; anything else ends the backup. */
  #collect(root: BackupRoot, { path }: SourceEntry, error: unknown): void {
    if (!isNbakError(error, 'SOURCE_UNREADABLE', 'DATABASE_LOCKED')) throw error;
    this.#parts.problems.add(root, { path, code: error.code, message: error.message });
  }

  async #write({ root, entry, hardLink }: Omit<Waiting, 'result'>, content: Content): Promise<void> {
    const { path, kind, mode, uid, gid, mtime, ctime, inode, target, deviceNumber } = entry;
    const extra: EntryExtra = {
      ...(target !== undefined && { target }),
      ...(deviceNumber !== undefined && { device: [deviceNumber.major, deviceNumber.minor] as const }),
      ...(hardLink !== undefined && { hardLink }),
      ...(content.database !== undefined && { database: content.database }),
      ...(content.flags !== undefined && { flags: content.flags }),
    };
    const draft = {
      path,
      kind,
      mode,
      size: content.size,
      mtime,
      ctime,
      inode,
      digest: content.digest,
      extra,
    };
    const owner = { uid, user: this.#owners.userName(uid), gid, group: this.#owners.groupName(gid) };
    await this.#parts.builder.add(draft, owner, content.pieces);

    this.#entries.set(root, this.entriesOf(root) + 1);
    const { files, directories, others, bytes } = this.totals;
    this.totals = {
      files: files + (kind === 'file' ? 1 : 0),
      directories: directories + (kind === 'directory' ? 1 : 0),
      others: others + (kind === 'file' || kind === 'directory' ? 0 : 1),
      bytes: bytes + content.size,
    };
    if (kind === 'file') this.#parts.progress.fileDone();
  }

  #hardLinkOf({ kind, links, device, inode }: SourceEntry): number | undefined {
    if (kind !== 'file' || links < 2) return undefined;
    const key = `${device}:${inode}`;
    const group = this.#hardLinks.get(key) ?? this.#hardLinks.size + 1;
    this.#hardLinks.set(key, group);
    return group;
  }

  async #contentOf(
    root: BackupRoot,
    entry: SourceEntry,
    at: { readonly absolute: Buffer; readonly bundler: Bundler },
  ): Promise<Later> {
    const outcome = this.#databases.outcomes.get(toLatin1(at.absolute));
    if (outcome !== undefined && outcome.outcome !== 'damaged')
      return here(this.#databaseContent(root, entry, outcome, at.absolute));
    if (outcome !== undefined) {
      this.#parts.problems.add(root, {
        path: entry.path,
        code: 'DATABASE_DAMAGED',
        message: outcome.message,
      });
    }
    const flags = outcome === undefined ? 0 : ENTRY_FLAGS.damaged;
    const remembered = this.#parts.cache.lookUpFile(root, entry);
    if (outcome === undefined && remembered === undefined && looksLikeDatabase(entry, at.absolute)) {
      this.#parts.problems.add(root, {
        path: entry.path,
        code: 'SOURCE_TORN',
        message:
          'A database that appeared after the databases were seen, or is another name of one: stored as a file',
      });
      return this.#readContent(root, entry, at.absolute, ENTRY_FLAGS.torn);
    }
    if (isBundled(entry.size))
      return { content: this.#smallContent(root, entry, { ...at, remembered, flags }) };
    if (remembered !== undefined) return here(this.#rememberedContent(remembered, flags));
    return this.#readContent(root, entry, at.absolute, flags);
  }

  #databaseContent(
    root: BackupRoot,
    entry: SourceEntry,
    outcome: Exclude<DatabaseOutcome, { outcome: 'damaged' }>,
    absolute: Buffer,
  ): Content | undefined {
    if (outcome.outcome === 'unreadable') {
      this.#collect(root, entry, outcome.error);
      return undefined;
    }
    if (outcome.outcome === 'unchanged') {
      const remembered = this.#databases.remembered.get(toLatin1(absolute));
      if (remembered === undefined) throw new RangeError('an unchanged database is not remembered');
      this.filesUnchanged += 1;
      return { ...remembered, database: JSON.parse(remembered.facts) as DatabaseFacts };
    }
    const { pieces, digest } = this.#assemble(entry, outcome.chunks);
    const { size, facts } = outcome;
    const remembered = { size, pieces, digest, facts: JSON.stringify(facts) };
    this.#parts.cache.rememberDatabase(root, entry.path, outcome.fingerprint, remembered);
    return { size, pieces, digest, database: facts };
  }

  #rememberedContent({ size, pieces, digest }: RememberedFile, flags: number): Content {
    this.filesUnchanged += 1;
    this.#parts.progress.bytesDone(size);
    return withFlags({ size, pieces, digest }, flags);
  }

  async #readContent(root: BackupRoot, entry: SourceEntry, absolute: Buffer, flags: number): Promise<Later> {
    const { session, progress, signal } = this.#parts;
    let stored: Awaited<ReturnType<typeof storeFile>>;
    try {
      stored = await storeFile(session, absolute, (bytes) => {
        // One file may take an hour.
        if (signal?.aborted === true) throw interrupted();
        progress.bytesRead(bytes);
      });
    } catch (error) {
      this.#collect(root, entry, error);
      return here(undefined);
    }
    if (stored === undefined) return here(undefined);
    const { size, chunks, torn } = stored;
    const finish = async (): Promise<Content> => {
      const { pieces, digest } = this.#assemble(entry, await Promise.all(chunks));
      return this.#finish(root, entry, { size, pieces, digest }, { torn, flags });
    };
    return { content: finish() };
  }

  #smallContent(
    root: BackupRoot,
    entry: SourceEntry,
    at: {
      readonly absolute: Buffer;
      readonly bundler: Bundler;
      readonly remembered: RememberedFile | undefined;
      readonly flags: number;
    },
  ): Promise<Content | undefined> {
    const { crypto } = this.#parts.session.repository;
    const { remembered, flags } = at;
    return new Promise((resolve, reject) => {
      const settle = (content: SmallFileContent | undefined): void => {
        if (content === undefined) {
          resolve(undefined);
          return;
        }
        const { pieces, pieceHash, read } = content;
        if (read === undefined && remembered !== undefined) {
          resolve(this.#rememberedContent(remembered, flags));
          return;
        }
        const hash = contentHash(crypto, pieceHash === undefined ? [] : [pieceHash]);
        const digest = contentDigest(this.#digester(), entry.path, hash);
        const size = read?.bytes.length ?? 0;
        resolve(this.#finish(root, entry, { size, pieces, digest }, { torn: read?.torn ?? false, flags }));
      };
      at.bundler.add({
        path: entry.path,
        size: entry.size,
        remembered: remembered?.pieces,
        read: () => {
          const bytes = readSmallFile(at.absolute);
          this.#parts.progress.bytesRead(bytes?.bytes.length ?? 0);
          return bytes;
        },
        settle,
        fail: reject,
      });
    });
  }

  #assemble(
    { path }: SourceEntry,
    chunks: readonly StoredChunk[],
  ): { pieces: readonly ContentPiece[]; digest: Uint8Array } {
    const { crypto } = this.#parts.session.repository;
    const pieces = chunks.map(({ id, length, plaintextLength }) => ({ id, length, plaintextLength }));
    const hash = contentHash(
      crypto,
      chunks.flatMap((chunk) => chunk.pieces),
    );
    return { pieces, digest: contentDigest(this.#digester(), path, hash) };
  }

  /** Remembers a file that held still, and lists one that did not. */
  #finish(
    root: BackupRoot,
    entry: SourceEntry,
    content: Content,
    state: { readonly torn: boolean; readonly flags: number },
  ): Content {
    if (state.torn) {
      const message = 'It changed each time it was read; what is stored may mix several states';
      this.#parts.problems.add(root, { path: entry.path, code: 'SOURCE_TORN', message });
      return withFlags(content, state.flags | ENTRY_FLAGS.torn);
    }
    // What is torn already for another reason must be looked at again.
    const isSound = (state.flags & ENTRY_FLAGS.torn) === 0;
    if (isSound && content.size === entry.size)
      this.#parts.cache.rememberFile(root, entry, { ...content, facts: '' });
    return withFlags(content, state.flags);
  }

  #digester(): Parameters<typeof contentDigest>[0] {
    const { repository, keys } = this.#parts.session;
    return { crypto: repository.crypto, digestKey: keys.digestKey };
  }
}

function withFlags(content: Content, flags: number): Content {
  return flags === 0 ? content : { ...content, flags };
}
