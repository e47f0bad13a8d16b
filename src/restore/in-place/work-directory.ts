/** `.nbak-restore/` of one volume: made, locked by the run's process, and cleaned of what dead runs left. Implements §22.6. */

import { lstatSync } from 'node:fs';
import { uptime } from 'node:os';
import { NbakError } from '../../errors.js';
import { joinPath, pathFromText, pathToText, type BytePath } from '../../format/path.js';
import { isAlive, isOfThisMachine, ownIdentity, parseIdentity } from '../../source/process-identity.js';
import { JOURNAL_NAME, MARKER_NAME, WORK_DIRECTORY } from '../../source/unfinished-restore.js';
import type { Area } from './area.js';
import type { DurableFiles } from './durable-files.js';

/** The work directory, relative to its volume. */
export const WORK = pathFromText(WORK_DIRECTORY);
/** The journal, relative to its target. */
export const JOURNAL = joinPath(WORK, JOURNAL_NAME);
/** The marker, relative to its target. */
export const MARKER = pathFromText(MARKER_NAME);
const RUN_PREFIX = 'run-';
const MOVED_PREFIX = 'pre-restore-';
const FOREIGN_AGE_MS = 24 * 3600 * 1000;

/** The work directory of one volume. */
export class WorkDirectory {
  /** This run's directory, relative to the volume. */
  readonly run = joinPath(WORK, `${RUN_PREFIX}${ownIdentity()}`);
  readonly #files: DurableFiles;
  readonly #volume: Area;

  constructor(files: DurableFiles, volume: Area) {
    this.#files = files;
    this.#volume = volume;
  }

  /** Says whether a restore left anything here beside what it moved away. */
  static isBegun(files: DurableFiles, volume: Area): boolean {
    if (volume.has(MARKER)) return true;
    const names = namesIn(files, volume, WORK);
    return volume.has(WORK) && (names.length === 0 || names.some((name) => !name.startsWith(MOVED_PREFIX)));
  }

  /**
   * Makes the directories of this run, and makes sure that no other works here.
   *
   * @param ifRunning - `ignore`: a run of another container, of which nobody can tell, counts as ended.
   * @throws NbakError `TARGET_IN_USE`; `TARGET_FAILED` where what lies there is not ours.
   */
  enter(ifRunning: 'refuse' | 'ignore'): void {
    if (!this.#volume.has(WORK)) this.#files.makeDirectory(this.#volume.place(WORK), 0o700);
    this.#assertOurs();
    if (!this.#volume.has(this.run)) this.#files.makeDirectory(this.#volume.place(this.run), 0o700);
    const other = this.#otherRuns().find((name) => this.#mayLive(name, ifRunning));
    if (other === undefined) return;
    this.#files.removeTree(this.#volume.place(this.run));
    const pid = parseIdentity(other.slice(RUN_PREFIX.length))?.pid ?? 0;
    throw new NbakError('TARGET_IN_USE', `Another restore works in this directory: process ${pid}`, {
      details: { pid },
      hint: 'Wait until it has ended. If it ran in a container that is gone: --even-if-running.',
    });
  }

  /** Removes what runs of dead processes staged; only where no journal refers to it. */
  removeLitter(): void {
    for (const name of this.#otherRuns()) this.#remove(joinPath(WORK, name));
    for (const name of [MARKER, JOURNAL_NEW]) if (this.#volume.has(name)) this.#remove(name);
  }

  /** Removes everything but what was moved away and is kept; and, where nothing was, the directory itself. */
  leave(): void {
    this.removeLitter();
    this.#remove(this.run);
    this.#files.removeEmptyDirectory(this.#volume.place(WORK));
    this.#files.syncDirectory(this.#volume.place('' as BytePath));
  }

  /** A name in this directory for what is moved away. */
  freeMovedName(time: string): BytePath {
    return freeName((path) => this.#volume.has(path), joinPath(WORK, `${MOVED_PREFIX}${time}`));
  }

  /** Makes the name of the run's directory durable. */
  sync(): void {
    for (const path of [this.run, WORK, '' as BytePath]) this.#files.syncDirectory(this.#volume.place(path));
  }

  #otherRuns(): readonly string[] {
    return namesIn(this.#files, this.#volume, WORK).filter(
      (name) => name.startsWith(RUN_PREFIX) && joinPath(WORK, name) !== this.run,
    );
  }

  #mayLive(name: string, ifRunning: 'refuse' | 'ignore'): boolean {
    const owner = parseIdentity(name.slice(RUN_PREFIX.length));
    if (owner === undefined) return false;
    if (isOfThisMachine(owner)) return isAlive(owner);
    if (ifRunning === 'ignore') return false;
    const { ctimeMs } = lstatSync(this.#volume.place(joinPath(WORK, name)));
    // What is older than this boot is surely dead.
    return ctimeMs > Date.now() - uptime() * 1000 && ctimeMs > Date.now() - FOREIGN_AGE_MS;
  }

  #remove(path: BytePath): void {
    this.#files.removeTree(this.#volume.place(path));
  }

  /** Where the target belongs to somebody else, that one could have put a journal of its own there. */
  #assertOurs(): void {
    const stat = lstatSync(this.#volume.place(WORK));
    if (stat.isDirectory() && stat.uid === process.geteuid?.() && (stat.mode & 0o077) === 0) return;
    throw new NbakError(
      'TARGET_FAILED',
      `${pathToText(WORK)} in the target is not a directory of this user alone`,
      {
        details: { uid: stat.uid, mode: (stat.mode & 0o7777).toString(8) },
        hint: 'Run as the user who began the restore; if nobody did, find out who made it and remove it.',
      },
    );
  }
}

/** The journal while it is written. */
export const JOURNAL_NEW = joinPath(WORK, `${JOURNAL_NAME}.new`);

/** `stem`, or `stem-2` …, whichever is free. */
export function freeName(isTaken: (path: BytePath) => boolean, stem: BytePath): BytePath {
  for (let n = 1; ; n += 1) {
    const path = (n === 1 ? stem : `${stem}-${n}`) as BytePath;
    if (!isTaken(path)) return path;
  }
}

function namesIn(files: DurableFiles, volume: Area, directory: BytePath): readonly string[] {
  if (!volume.has(directory)) return [];
  return files.list(volume.place(directory)).map((name) => name.toString('latin1'));
}
