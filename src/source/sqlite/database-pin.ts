/** In the parent: one pinned database, read where it lies or copied. */
import { closeSync, fstatSync, ftruncateSync } from 'node:fs';
import type { Candidate, CaptureContext } from './candidate.js';
import { interrupted, isAborted, toNbakError } from './capture-errors.js';
import type { TokenQuery } from '../tokens/database-tokens.js';
import type { FilePath } from './header.js';
import type { DatabaseImage } from './image.js';
import { InPlace } from './in-place.js';
import { copyBytes } from './private-copy.js';
import { replaceByDecoy } from './private-file.js';
import type { PrivateFile } from './private-file.js';
import type { DatabaseFacts, PinnedPlace } from './protocol.js';
import { requireSpace, sizeWithLog } from './space.js';

/** A copy of one database. */
export interface DatabaseCopy {
  /** Open for reading at any offset; the file has no name. The caller closes it. */
  readonly descriptor: number;
  readonly size: number;
  readonly facts: DatabaseFacts;
}

/** One database being read. Close it when nobody reads from its image any more: writers may be waiting. */
export interface DatabaseReading extends AsyncDisposable {
  /** Its descriptors are open until {@link close}. */
  readonly image: DatabaseImage;
  /**
   * To be called when everything was read: what SQLite's check found, which began when reading did. `facts.check` may
   * be `damaged`.
   *
   * @returns undefined when what was read may not be the pinned state: read the database again.
   * @throws NbakError `SOURCE_UNREADABLE`, `INTERRUPTED`.
   */
  finish(): Promise<DatabaseFacts | undefined>;
  /** Closes the image, and lets the pin go unless {@link finish} asked for another reading. */
  close(): Promise<void>;
}

/** What a copy becomes before it is checked. */
interface Staged {
  readonly descriptor: number;
  readonly size: number;
  readonly facts: Promise<DatabaseFacts>;
}

/** A candidate whose state is pinned, or held in a private copy. */
export class DatabasePin {
  readonly path: FilePath;
  readonly outcome = 'pinned';
  readonly #context: CaptureContext;
  readonly #candidate: Candidate;
  /** What may still be done with it. */
  #may: 'read' | 'copy' | 'nothing' = 'read';

  constructor(context: CaptureContext, candidate: Candidate) {
    this.path = candidate.path;
    this.#context = context;
    this.#candidate = candidate;
  }

  read(tokens: readonly TokenQuery[] = []): Promise<DatabaseReading> {
    return this.#report(async () => {
      const isFirst = this.#may === 'read';
      if (isFirst) this.#may = 'copy';
      return (isFirst ? await this.#readInPlace(tokens) : undefined) ?? this.#readCopy(tokens);
    });
  }

  copy(): Promise<DatabaseCopy> {
    return this.#report(async () => {
      const { descriptor, size, facts } = await this.#stage([]);
      try {
        return { descriptor, size, facts: await facts };
      } catch (error) {
        closeSync(descriptor);
        throw error;
      }
    });
  }

  async #readInPlace(tokens: readonly TokenQuery[]): Promise<DatabaseReading | undefined> {
    const { state, number } = this.#candidate;
    if (state.way !== 'in-place') return undefined;
    const { child } = this.#context;
    const place = await child.ask('locate', { database: number });
    // Pins in rollback mode keep writers waiting; a copy lets go of them sooner.
    if (place?.journal !== 'wal') return undefined;
    const source = await InPlace.open(this.path, place, state.opened);
    if (source === undefined) return undefined;
    const facts = awaitedLater(child.ask('examine', { database: number, tokens }));
    let isProven = false;
    return makeReading(source.image, {
      finish: () =>
        this.#report(async () => {
          const found = await facts;
          isProven = (await child.ask('confirm', { database: number })) && source.isUntouched();
          return isProven ? found : undefined;
        }),
      close: () =>
        this.#report(async () => {
          source[Symbol.dispose]();
          if (!isProven || this.#may === 'nothing') return;
          this.#may = 'nothing';
          await this.#candidate.release();
        }),
    });
  }

  async #readCopy(tokens: readonly TokenQuery[]): Promise<DatabaseReading> {
    const { descriptor, size, facts } = await this.#stage(tokens);
    return makeReading(
      { size, file: descriptor },
      {
        finish: () => this.#report(() => facts),
        close: () => {
          closeSync(descriptor);
          return Promise.resolve();
        },
      },
    );
  }

  /** Makes a file of our own of the pinned state, lets the pin go and begins to check the file. */
  async #stage(tokens: readonly TokenQuery[]): Promise<Staged> {
    if (this.#may === 'nothing') throw new TypeError('This database was read already');
    this.#may = 'nothing';
    const { child } = this.#context;
    const { state } = this.#candidate;
    const file = state.way === 'copy' ? state.file : await this.#copyPinned();
    // From here on the descriptor is the caller's.
    this.#candidate.fail('unreadable', 'Copied already');
    const facts = awaitedLater(child.ask('check', { file: file.path, tokens }));
    return { descriptor: file.descriptor, size: fstatSync(file.descriptor).size, facts };
  }

  async #copyPinned(): Promise<PrivateFile> {
    const { child, directory } = this.#context;
    const { number } = this.#candidate;
    requireSpace(directory, sizeWithLog(this.path));
    const place = await child.ask('locate', { database: number });
    const file = await this.#candidate.makeFile();
    try {
      if (place?.journal !== 'rollback' || !(await this.#copyFile(place, file)))
        await child.ask('copy', { database: number, file: file.path });
      return file;
    } catch (error) {
      closeSync(file.descriptor);
      throw error;
    }
  }

  /** In rollback mode nobody can write a pinned file: copying its bytes takes a fraction of SQLite's time. */
  async #copyFile(place: PinnedPlace, target: PrivateFile): Promise<boolean> {
    const { state } = this.#candidate;
    if (state.way !== 'in-place') return false;
    using source = await InPlace.open(this.path, place, state.opened);
    if (source === undefined) return false;
    replaceByDecoy(target.path);
    await copyBytes(source.image.file, { ...this.#context, descriptor: target.descriptor });
    ftruncateSync(target.descriptor, source.image.size);
    await this.#candidate.release();
    return true;
  }

  async #report<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw isAborted(this.#context.signal) ? interrupted() : toNbakError(error, this.path);
    }
  }
}

function makeReading(
  image: DatabaseImage,
  { finish, close }: Pick<DatabaseReading, 'finish' | 'close'>,
): DatabaseReading {
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closing ??= close());
  return { image, finish, close: closeOnce, [Symbol.asyncDispose]: closeOnce };
}

/** Its failure is no unhandled one while nobody waits for it. */
function awaitedLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
