/** In the parent: decides how one database is opened, in place or as a private copy, and sees it through. */
import { accessSync, closeSync, constants, lstatSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reason } from '../root.js';
import type { CaptureProcess } from './child-process.js';
import { isSeenOpen, isSeenWriting } from './file-locks.js';
import { SIDECAR_SUFFIXES, openForReading, sidecarPath, sniffDatabase, toLatin1 } from './header.js';
import type { DatabaseHeader, FilePath } from './header.js';
import { inodeOf } from './in-place.js';
import type { OpenedFiles } from './in-place.js';
import { copyAtRest } from './private-copy.js';
import { createPrivateFile, replaceByDecoy } from './private-file.js';
import type { PrivateFile } from './private-file.js';
import { isNbakError } from '../../errors.js';

const RETRY_MS = 50;

/** What all databases of one capture share. */
export interface CaptureContext {
  readonly child: CaptureProcess;
  readonly directory: string;
  readonly lockWaitMs: number;
  readonly signal?: AbortSignal;
}

/** How a database stands after {@link Candidate.prepare}. */
export type CandidateState =
  | {
      readonly way: 'in-place';
      readonly isWal: boolean;
      readonly isLockable: boolean;
      readonly isSeen: boolean;
      readonly opened: OpenedFiles;
    }
  | { readonly way: 'copy'; readonly file: PrivateFile; readonly stillness: string }
  | {
      readonly way: 'failed';
      readonly outcome: 'locked' | 'damaged' | 'unreadable';
      readonly message: string;
    };

/** One database on its way to a pin. */
export class Candidate {
  readonly path: FilePath;
  readonly number: number;
  state: CandidateState = { way: 'failed', outcome: 'unreadable', message: 'Not looked at yet' };
  readonly #context: CaptureContext;
  #files = 0;
  #needsCopy = false;
  #neverStill = false;

  constructor(context: CaptureContext, path: FilePath, number: number) {
    this.#context = context;
    this.path = path;
    this.number = number;
  }

  /**
   * Opens the database in place where that changes nothing: in rollback mode (a read-only open makes no file, and a
   * hot journal is refused), or in WAL mode while `-wal` and `-shm` are there and in use. Otherwise takes a private
   * copy with proof that the source held still. Waits for locks as long as `lockWaitMs` allows.
   */
  async prepare(): Promise<void> {
    const end = Date.now() + this.#context.lockWaitMs;
    while (true) {
      this.#context.signal?.throwIfAborted();
      const header = sniffDatabase(this.path);
      if (header === undefined) {
        this.fail('unreadable', this.#whyNot());
        return;
      }
      const problem = this.#mayOpen(header) ? await this.#openInPlace(header) : await this.#takeCopy();
      if (problem === undefined) return;
      if (Date.now() >= end) {
        this.fail('locked', problem);
        return;
      }
      await sleep(Math.min(RETRY_MS, Math.max(1, end - Date.now())));
    }
  }

  /** Gives the database up. */
  fail(outcome: 'locked' | 'damaged' | 'unreadable', message: string): void {
    this.state = { way: 'failed', outcome, message };
  }

  /** Forgets what {@link prepare} did and does it again, knowing more: it `moved` since, or `needs-copy` to be opened. */
  async again(because: 'moved' | 'needs-copy'): Promise<void> {
    await this.release();
    this.#needsCopy = because === 'needs-copy';
    this.#neverStill ||= because === 'moved';
    await this.prepare();
  }

  /** Lets go of the connection or the copy. */
  async release(): Promise<void> {
    if (this.state.way === 'copy') await this.#discard(this.state.file);
    if (this.state.way === 'in-place') await this.#context.child.ask('release', { database: this.number });
    this.fail('unreadable', 'Not looked at yet');
  }

  /** Makes an empty private file that the capture process has open; the caller closes the descriptor. */
  async makeFile(): Promise<PrivateFile> {
    const file = createPrivateFile(this.#context.directory, `${this.number}-${this.#files++}`);
    try {
      await this.#context.child.ask('adopt', { file: file.path });
    } catch (error) {
      closeSync(file.descriptor);
      throw error;
    }
    return file;
  }

  #mayOpen(header: DatabaseHeader): boolean {
    if (this.#needsCopy) return false;
    if (header.journal === 'rollback') {
      if (header.rollbackJournal === 'none' || this.#neverStill) return true;
      // Filled and not locked is hot: SQLite would refuse, but not before touching it.
      return this.#hasOneOwner() && (header.rollbackJournal === 'void' || isSeenWriting(this.path));
    }
    // Without a log and its index SQLite would make them, in the source and with our owner.
    return (
      header.hasWal && header.hasShm && (this.#neverStill || (isSeenOpen(this.path) && this.#hasOneOwner()))
    );
  }

  /** Returns undefined when the matter is decided, else why it must be tried again. */
  async #openInPlace(header: DatabaseHeader): Promise<string | undefined> {
    const opened = { file: inodeOf(this.path), log: inodeOf(sidecarPath(this.path, '-wal')) };
    const before = this.#sidecarInodes();
    const { child, directory } = this.#context;
    const { outcome, message } = await child.ask('open', {
      database: this.number,
      path: toLatin1(this.path),
      link: join(directory, `link-${this.number}-${this.#files++}`),
    });
    if (outcome === 'busy') return `Locked by another process: ${message}`;
    if (outcome === 'copy') {
      this.#needsCopy = true;
      return this.#takeCopy();
    }
    if (outcome !== 'open') {
      this.fail(outcome, message);
      return undefined;
    }
    if (header.journal === 'wal' && this.#sidecarInodes() !== before) {
      // The application closed it between our look and our open, which then made these files.
      await child.ask('release', { database: this.number });
      this.#removeOwnSidecars(before);
      return 'It was closed by its application at this moment';
    }
    const isWal = header.journal === 'wal';
    const isLockable = isWal && mayWrite(this.path);
    this.state = { way: 'in-place', isWal, isLockable, isSeen: !this.#neverStill, opened };
    return undefined;
  }

  async #takeCopy(): Promise<string | undefined> {
    const file = await this.makeFile();
    let stillness: string | undefined;
    try {
      replaceByDecoy(file.path);
      stillness = await copyAtRest(this.path, { ...this.#context, descriptor: file.descriptor });
    } catch (error) {
      await this.#discard(file);
      if (isNbakError(error) || this.#context.signal?.aborted === true) throw error;
      this.fail('unreadable', `Cannot be copied: ${reason(error)}`);
      return undefined;
    }
    if (stillness === undefined) {
      await this.#discard(file);
      this.#neverStill = true;
      this.#needsCopy = false;
      return 'It did not hold still while it was copied';
    }
    const { outcome, message } = await this.#context.child.ask('inspect', { file: file.path });
    if (outcome === 'open') {
      this.state = { way: 'copy', file, stillness };
      return undefined;
    }
    await this.#discard(file);
    this.fail(outcome === 'unreadable' ? 'unreadable' : 'damaged', message);
    return undefined;
  }

  async #discard(file: PrivateFile): Promise<void> {
    closeSync(file.descriptor);
    await this.#context.child.ask('discard', { file: file.path });
  }

  /** SQLite run by root gives sidecars the database's owner; where that would change one, it must not open them. */
  #hasOneOwner(): boolean {
    if (process.geteuid?.() !== 0) return true;
    const files = [
      Buffer.from(this.path),
      ...SIDECAR_SUFFIXES.map((suffix) => sidecarPath(this.path, suffix)),
    ];
    const owners = files.flatMap((file) => {
      const stat = lstatSync(file, { throwIfNoEntry: false });
      return stat === undefined ? [] : [`${stat.uid}:${stat.gid}`];
    });
    return new Set(owners).size === 1;
  }

  #sidecarInodes(): string {
    return (['-wal', '-shm'] as const).map((suffix) => inodeOf(sidecarPath(this.path, suffix))).join(' ');
  }

  #removeOwnSidecars(before: string): void {
    const wal = lstatSync(sidecarPath(this.path, '-wal'), { throwIfNoEntry: false });
    // An application that came back holds a lock on them or has written; then they are its own.
    if (this.#sidecarInodes() === before || isSeenOpen(this.path) || (wal?.size ?? 0) > 0) return;
    for (const suffix of ['-wal', '-shm'] as const) {
      try {
        unlinkSync(sidecarPath(this.path, suffix));
      } catch {
        // Already gone.
      }
    }
  }

  #whyNot(): string {
    try {
      closeSync(openForReading(this.path));
      return 'It is no SQLite database any more';
    } catch (error) {
      return `Cannot be read: ${reason(error)}`;
    }
  }
}

/** Root and the owner may open for writing without leaving files that the application cannot use. */
function mayWrite(path: FilePath): boolean {
  try {
    const user = process.geteuid?.();
    if (user !== 0 && user !== lstatSync(Buffer.from(path)).uid) return false;
    accessSync(Buffer.from(path), constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
