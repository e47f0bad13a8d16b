/** What need not be read again: files whose facts are what they were, and whose blobs are still there. */

import type { CryptoProvider } from '../crypto/provider.js';
import { concatBytes, utf8 } from '../format/bytes.js';
import type { BlobId, PackId } from '../format/ids.js';
import { pathToBytes, type BytePath } from '../format/path.js';
import type { Timestamp } from '../format/entry.js';
import type { BlobCatalog } from '../repository/catalog-blobs.js';
import type { FileCatalog, RememberedFile } from '../repository/catalog-files.js';
import { timestampFromMilliseconds } from '../source/clock.js';
import type { SourceEntry } from '../source/entry.js';
import { isUnchanged } from '../source/unchanged.js';
import type { BackupRoot } from './scope.js';

/** What the cache works with. */
export interface ChangeCacheParts {
  readonly crypto: CryptoProvider;
  /** Keys the names, so that the cache holds none (§3.7). */
  readonly digestKey: Uint8Array;
  readonly blobs: BlobCatalog;
  readonly files: FileCatalog;
  /** When the run began, milliseconds since 1970. */
  readonly startedAt: number;
  /** Told of every pack that remembered content lies in. */
  readonly onReuse: (pack: PackId) => void;
}

/** Remembered files are written to the catalog in groups of this many. */
const GROUP = 1000;

/** The change cache of one run. */
export class ChangeCache {
  readonly #parts: ChangeCacheParts;
  readonly #runStart: Timestamp;
  /** Blobs whose place was looked up already in this run. */
  readonly #alive = new Set<BlobId>();
  #waiting: { readonly key: Uint8Array; readonly stat: string; readonly file: RememberedFile }[] = [];

  constructor(parts: ChangeCacheParts) {
    this.#parts = parts;
    this.#runStart = timestampFromMilliseconds(parts.startedAt);
  }

  /** A plain file that is what it was, with all its blobs. */
  lookUpFile(root: BackupRoot, entry: SourceEntry): RememberedFile | undefined {
    return this.#lookUp(root, entry.path, statText(entry));
  }

  /** A database that is what it was, with all its blobs. */
  lookUpDatabase(root: BackupRoot, path: BytePath, fingerprint: string): RememberedFile | undefined {
    // An empty fingerprint proves nothing (databaseFingerprint could not read the log).
    return fingerprint === '' ? undefined : this.#lookUp(root, path, `database ${fingerprint}`);
  }

  /** Remembers a plain file, unless it is so young that it may change without showing it (DESIGN §6). */
  rememberFile(root: BackupRoot, entry: SourceEntry, file: RememberedFile): void {
    if (isUnchanged(entry, entry, this.#runStart))
      this.#remember(root, entry.path, { stat: statText(entry), file });
  }

  /** Remembers a database under the fingerprint that was taken before its pin. */
  rememberDatabase(root: BackupRoot, path: BytePath, fingerprint: string, file: RememberedFile): void {
    if (fingerprint === '') return;
    this.#remember(root, path, { stat: `database ${fingerprint}`, file });
  }

  /** Writes what waits to the catalog. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#parts.files.rememberAll(waiting);
  }

  #lookUp(root: BackupRoot, path: BytePath, stat: string): RememberedFile | undefined {
    const remembered = this.#parts.files.lookUp(this.#key(root, path), stat);
    return remembered?.pieces.every(({ id }) => this.#isAlive(id)) === true ? remembered : undefined;
  }

  #isAlive(id: BlobId): boolean {
    if (this.#alive.has(id)) return true;
    const place = this.#parts.blobs.locate(id)[0];
    if (place === undefined) return false;
    this.#parts.onReuse(place.pack);
    this.#alive.add(id);
    return true;
  }

  #remember(
    root: BackupRoot,
    path: BytePath,
    what: { readonly stat: string; readonly file: RememberedFile },
  ): void {
    this.#waiting.push({ key: this.#key(root, path), ...what });
    if (this.#waiting.length >= GROUP) this.flush();
  }

  #key(root: BackupRoot, path: BytePath): Uint8Array {
    const message = concatBytes(CACHE_LABEL, pathToBytes(root.path), Uint8Array.of(0), pathToBytes(path));
    return this.#parts.crypto.hmacSha256(this.#parts.digestKey, message).subarray(0, 16);
  }
}

const CACHE_LABEL = utf8('nbak/v2/catalog\0');

function statText({ size, mtime, ctime, inode }: SourceEntry): string {
  return `${size} ${mtime.seconds}.${mtime.nanoseconds} ${ctime.seconds}.${ctime.nanoseconds} ${inode}`;
}
