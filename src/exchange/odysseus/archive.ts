/** `odysseus-backup-*.tar.gz`: the data directory of Odysseus as its own script archives it (§32.4). */

import { createReadStream, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { isNbakError, NbakError } from '../../errors.js';
import { assertSafePath, parentPath, pathFromText, pathToText, type BytePath } from '../../format/path.js';
import { limitExceeded } from '../../format/shape.js';
import { SIDECAR_SUFFIXES, sniffDatabase } from '../../source/sqlite/header.js';
import { assertSpace } from '../../restore/target.js';
import type { ImportWish, StagedState, StagingTask } from '../staging.js';
import { assertWanted } from '../interruption.js';
import { sourceError, timeInName } from '../source-file.js';
import type { StagedDirectory, StagedFile } from '../staged-directory.js';

const ROOT = pathFromText('data');
const FILE_TYPES = ['File', 'OldFile', 'ContiguousFile'];

/** Unpacks `odysseus-backup-YYYYMMDD-HHMMSS.tar.gz`. */
export async function stageOdysseusArchive({
  path,
  staged,
  wish,
  signal,
}: StagingTask): Promise<StagedState> {
  const unpacking = new Unpacking(staged, basename(path), wish);
  await unpacking.run(path, signal);
  const above = dirname(path);
  return {
    root: 'data',
    time: timeInName(basename(path), 'local'),
    origin: `${basename(above) === 'backups' ? dirname(above) : above}/data`,
    purpose: 'ordinary',
    dropped: unpacking.dropSidecars(),
  };
}

/** One archive on its way into a directory. */
class Unpacking {
  readonly #staged: StagedDirectory;
  readonly #name: string;
  readonly #limits: Pick<ImportWish, 'mostBytes' | 'mostMembers'>;
  readonly #kinds = new Map<BytePath, 'file' | 'directory'>();
  #members = 0;
  #bytes = 0;
  /** The member that is being written. */
  #open: StagedFile | undefined;
  #failure: NbakError | undefined;

  constructor(staged: StagedDirectory, name: string, limits: Pick<ImportWish, 'mostBytes' | 'mostMembers'>) {
    this.#staged = staged;
    this.#name = name;
    this.#limits = limits;
  }

  /** Reads the archive to its end. Nothing of it counts when this throws. */
  async run(path: string, signal: AbortSignal | undefined): Promise<void> {
    const parser = new Parser({ strict: true, gzip: false, onReadEntry: (entry) => this.#take(entry) });
    parser.on('error', (error: Error) => this.#fail(this.#invalid(error.message)));
    const compressed = createReadStream(path);
    const raw = createGunzip();
    compressed.on('error', (error) => raw.destroy(error)).pipe(raw);
    try {
      for await (const chunk of raw as AsyncIterable<Buffer>) {
        assertWanted(signal);
        this.#bytes += chunk.length;
        if (this.#bytes > this.#limits.mostBytes)
          throw limitExceeded(this.#name, 'what it unpacks to', this.#bytes, this.#limits.mostBytes);
        parser.write(chunk);
        if (this.#failure !== undefined) break;
      }
      parser.end();
    } catch (error) {
      if (isNbakError(error)) throw error;
      const { code = '' } = error as NodeJS.ErrnoException;
      throw code.startsWith('Z_')
        ? this.#invalid(`its compression is broken (${code})`)
        : sourceError(path, error);
    } finally {
      compressed.destroy();
      this.#close();
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#kinds.get(ROOT) !== 'directory') throw this.#invalid('it has no data/');
  }

  /** Removes what lies beside a database: the script took a clean copy of it, and sidecars of another moment (O-2). */
  dropSidecars(): readonly string[] {
    const dropped: string[] = [];
    for (const [path, kind] of this.#kinds) {
      const suffix = SIDECAR_SUFFIXES.find((each) => path.endsWith(each));
      if (kind !== 'file' || suffix === undefined) continue;
      const database = path.slice(0, -suffix.length) as BytePath;
      if (this.#kinds.get(database) !== 'file') continue;
      if (sniffDatabase(this.#staged.place(database)) === undefined) continue;
      rmSync(this.#staged.place(path));
      dropped.push(pathToText(path));
    }
    return dropped;
  }

  /** Called by the parser for each member; what its listeners do is done before the parser goes on. */
  #take(entry: ReadEntry): void {
    try {
      this.#write(entry);
    } catch (error) {
      if (!isNbakError(error)) throw error;
      this.#fail(error);
      entry.resume();
    }
  }

  #write(entry: ReadEntry): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#members += 1;
    this.#assertFew('the number of its members', this.#members);
    const isDirectory = entry.type === 'Directory';
    const path = this.#pathOf(entry);
    if (!isDirectory && !FILE_TYPES.includes(entry.type)) {
      throw new NbakError('OBJECT_UNEXPECTED', `${this.#name} holds a ${entry.type}: ${pathToText(path)}`, {
        details: { file: this.#name, path: pathToText(path), type: entry.type, clause: '§32.4' },
        hint: 'Odysseus archives files and directories alone: somebody else made or changed it.',
      });
    }
    this.#place(path, isDirectory ? 'directory' : 'file');
    if (isDirectory) {
      this.#staged.makeDirectory(path);
      entry.resume();
      return;
    }
    // The size in its head is believed for this alone: before anything is written.
    if (entry.size > this.#limits.mostBytes)
      throw limitExceeded(this.#name, 'a member', entry.size, this.#limits.mostBytes);
    assertSpace(this.#staged.path, entry.size);
    // Readable for its owner, or it could not be backed up.
    const file = this.#staged.create(path, ((entry.mode ?? 0) & 0o777) | 0o400);
    const mtime = entry.mtime ?? new Date();
    this.#open = file;
    entry.on('data', (bytes: Buffer) => this.#attempt(() => file.append(bytes)));
    entry.on('end', () => {
      this.#attempt(() => file.finish(mtime));
      this.#close();
    });
  }

  #pathOf({ path: name }: ReadEntry): BytePath {
    const path = pathFromText(name.replace(/^\.\//, '').replace(/\/+$/, ''));
    assertSafePath(path);
    if (path === ROOT || path.startsWith(`${ROOT}/`)) return path;
    throw new NbakError(
      'PATH_UNSAFE',
      `${this.#name} holds ${JSON.stringify(name)}, which is not below data/`,
      {
        details: { file: this.#name, path: name, clause: '§32.4' },
      },
    );
  }

  /** One path is one thing, and what has something below it is a directory. */
  #place(path: BytePath, kind: 'file' | 'directory'): void {
    const known = this.#kinds.get(path);
    if (known !== undefined && (kind === 'file' || known === 'file'))
      throw this.#invalid(`${pathToText(path)} is in it twice`);
    this.#kinds.set(path, kind);
    for (let above = parentPath(path); above !== undefined && above !== ''; above = parentPath(above)) {
      if (this.#kinds.get(above) === 'file')
        throw this.#invalid(`${pathToText(above)} has something below it`);
      this.#kinds.set(above, 'directory');
    }
    // One long path makes a thousand directories.
    this.#assertFew('the number of its files and directories', this.#kinds.size);
  }

  #assertFew(what: string, count: number): void {
    const { mostMembers } = this.#limits;
    if (count > mostMembers) throw limitExceeded(this.#name, what, count, mostMembers);
  }

  /** An error in a listener must not pass through the parser, which would take it for its own. */
  #attempt(run: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      run();
    } catch (error) {
      if (!isNbakError(error)) throw error;
      this.#fail(error);
    }
  }

  #close(): void {
    this.#open?.[Symbol.dispose]();
    this.#open = undefined;
  }

  #fail(error: NbakError): void {
    this.#failure ??= error;
  }

  #invalid(why: string): NbakError {
    return new NbakError('FORMAT_INVALID', `${this.#name} is no archive of Odysseus: ${why}`, {
      details: { file: this.#name, clause: '§32.4' },
      hint: 'An archive that was cut off lacks what came last; use another.',
    });
  }
}
