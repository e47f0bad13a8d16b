/** Turns what is known of an entry into the entry of its page, and problems into the lists of the manifest. */

import { isNbakError, type ErrorCode, type NbakError } from '../errors.js';
import { ENTRY_FLAGS, type EntryExtra } from '../format/entry.js';
import type { Owner } from '../format/page.js';
import type { BytePath } from '../format/path.js';
import { contentDigest, contentHash } from '../repository/content-digest.js';
import type { SeenEntry, SourceEntry } from '../source/entry.js';
import { timestampFromMilliseconds } from '../source/clock.js';
import { readOwners } from '../source/owners.js';
import type { Holes } from '../source/holes.js';
import { reason, sourcePath } from '../source/root.js';
import { isSettled } from '../source/unchanged.js';
import { lookAt } from '../source/walk.js';
import { readXattrs, type Xattrs } from '../source/xattrs.js';
import type { AppKeys } from './app-keys.js';
import type { Content } from './content.js';
import type { PageJob } from './page-job.js';
import type { Problems } from './problems.js';
import type { Progress } from './progress.js';
import type { BackupRoot } from './scope.js';
import type { Session } from './session.js';

/** Where an entry goes. */
export interface Place {
  readonly job: PageJob;
  /** In the page's listing. */
  readonly index: number;
}

/** What the walk saw of an entry: asked for when it is needed, since thousands wait and hold only their places. */
export function seenOf({ job, index }: Place): SeenEntry {
  return job.listing.entry(index);
}

/** What an entry writer works with. */
export interface EntryWriterParts {
  readonly session: Session;
  readonly problems: Problems;
  readonly progress: Progress;
  readonly appKeys: AppKeys;
  readonly run: { readonly startedAt: number };
}

/** What an entry says beyond the usual, without what is empty. */
export function extraOf({
  xattrs = [],
  holes = [],
}: {
  readonly xattrs?: Xattrs | undefined;
  readonly holes?: Holes | undefined;
}): Content['extra'] {
  if (xattrs.length === 0 && holes.length === 0) return NO_EXTRA;
  return { ...(xattrs.length > 0 && { xattrs }), ...(holes.length > 0 && { holes }) };
}

/** Of nearly every entry: an object for each of a million would be garbage. */
const NO_EXTRA: Content['extra'] = Object.freeze({});

/** An entry as it is, with its extended attributes. */
interface CloseLook {
  readonly exact: SourceEntry;
  readonly xattrs: Xattrs;
}

const NOTHING = { size: 0, pieces: [], digest: new Uint8Array(0), flags: 0 };

/** Writes entries into their pages. */
export class EntryWriter {
  readonly #parts: EntryWriterParts;
  readonly #owners = readOwners();
  #lastOwner: Owner | undefined;

  constructor(parts: EntryWriterParts) {
    this.#parts = parts;
  }

  /** Settles a directory, link or special file. */
  settleOther(place: Place, seen: SeenEntry): void {
    if (seen.kind === 'directory') {
      this.#settleDirectory(place, seen);
      return;
    }
    const found = this.lookClosely(place);
    if (found === undefined) return;
    const { exact, xattrs } = found;
    // It was something else a moment ago.
    if (exact.kind !== seen.kind) {
      place.job.settle(place.index, undefined);
      return;
    }
    const { mtime, ctime, target, deviceNumber } = exact;
    this.#settle(place, exact, {
      content: { ...NOTHING, mtime, ctime, extra: {} },
      extra: {
        ...extraOf({ xattrs }),
        ...(target !== undefined && { target }),
        ...(deviceNumber !== undefined && { device: [deviceNumber.major, deviceNumber.minor] as const }),
      },
    });
  }

  /** §10.3: entries below it may come, so a directory that is gone or cannot be looked at stays as the walk saw it. */
  #settleDirectory(place: Place, seen: SeenEntry): void {
    const found = this.#closely(place);
    const isThere = found?.exact.kind === 'directory';
    if (!isThere) place.job.mayBeKept = false;
    const { mtime, ctime } = isThere
      ? found.exact
      : {
          mtime: timestampFromMilliseconds(seen.mtimeMs),
          ctime: timestampFromMilliseconds(seen.ctimeMs),
        };
    this.#settle(place, isThere ? found.exact : seen, {
      content: { ...NOTHING, mtime, ctime, extra: {} },
      extra: isThere ? extraOf(found) : {},
    });
  }

  /** Settles a file whose content is known. */
  settle(place: Place, seen: SeenEntry, content: Content): void {
    if (content.flags !== 0) place.job.mayBeKept = false;
    const { flags } = content;
    const hardLink = place.job.listing.hardLink(place.index);
    // Of most files it is what their content says: a copy for each of a million would be garbage.
    const extra: EntryExtra =
      hardLink === undefined && flags === 0
        ? content.extra
        : {
            ...content.extra,
            ...(hardLink !== undefined && { hardLink }),
            ...(flags !== 0 && { flags }),
          };
    // An inode number beyond 2⁵³ is not what the walk's numbers say.
    const exact = Number.isSafeInteger(seen.inode) ? seen : this.lookAt(place);
    if (exact !== undefined) this.#settle(place, exact, { content, extra });
    if (content.extra.database === undefined) this.#parts.appKeys.stored(place.job.root, seen.path, content);
    this.#parts.progress.filesDone(1);
  }

  /** Settles a file that was read just now. */
  settleFresh(
    place: Place,
    seen: SeenEntry,
    {
      content,
      torn,
      dropped,
    }: { readonly content: Content; readonly torn: boolean; readonly dropped: number },
  ): void {
    if (dropped > 0) {
      this.#parts.problems.addTornLine(place.job.root, { path: seen.path, bytes: dropped });
      // Or the next backup would take the page over, and not name it.
      place.job.mayBeKept = false;
    }
    if (!isSettled(content, this.#parts.run.startedAt)) place.job.mayBeKept = false;
    if (torn)
      this.report(
        place,
        'SOURCE_TORN',
        'It changed each time it was read; what is stored may mix several states',
      );
    this.settle(place, seen, torn ? { ...content, flags: content.flags | ENTRY_FLAGS.torn } : content);
  }

  /**
   * Looks at an entry exactly; one that is gone or cannot be looked at is settled as left out.
   *
   * @returns undefined when it was settled.
   */
  lookAt(place: Place): SourceEntry | undefined {
    return this.#orLeftOut(
      place,
      this.#attempt(place, ({ source }, path) => lookAt(source, path)),
    );
  }

  /** Looks at an entry exactly, its extended attributes included, as {@link lookAt} does. */
  lookClosely(place: Place): CloseLook | undefined {
    return this.#orLeftOut(place, this.#closely(place));
  }

  #closely(place: Place): CloseLook | undefined {
    return this.#attempt(place, ({ source }, path) => {
      const exact = lookAt(source, path);
      // Who asks leaves out what became something else, or keeps what it was.
      const isSame = exact?.kind === seenOf(place).kind;
      return exact && { exact, xattrs: isSame ? readXattrs(sourcePath(source, path)) : [] };
    });
  }

  /** What `look` sees; what cannot be looked at is reported, unless it is gone. */
  #attempt<T>(place: Place, look: (root: BackupRoot, path: BytePath) => T | undefined): T | undefined {
    const { job, index } = place;
    try {
      return look(job.root, job.listing.path(index));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.report(place, 'SOURCE_UNREADABLE', `Cannot be read: ${reason(error)}`);
      return undefined;
    }
  }

  #orLeftOut<T>({ job, index }: Place, found: T | undefined): T | undefined {
    if (found === undefined) job.settle(index, undefined);
    return found;
  }

  /** Lists an entry that cannot be read, and leaves it out. */
  collect(place: Place, { code, message }: NbakError): void {
    this.report(place, code, message);
    place.job.settle(place.index, undefined);
  }

  /** A single file that cannot be read is collected; anything else ends the backup. */
  collectOrFail(place: Place, error: unknown): void {
    if (isNbakError(error, 'SOURCE_UNREADABLE', 'DATABASE_LOCKED')) this.collect(place, error);
    else place.job.fail(error);
  }

  /** Lists a problem. */
  report({ job, index }: Place, code: ErrorCode, message: string): void {
    this.#parts.problems.add(job.root, { path: job.listing.path(index), code, message });
  }

  /** The digest of §3.7 for a file with these hashes of pieces. */
  digestOf(path: BytePath, hashes: readonly Uint8Array[]): Uint8Array {
    const { repository, keys } = this.#parts.session;
    const digester = { crypto: repository.crypto, digestKey: keys.digestKey };
    return contentDigest(digester, path, contentHash(repository.crypto, hashes));
  }

  #settle(
    { job, index }: Place,
    exact: Pick<SeenEntry, 'path' | 'kind' | 'mode' | 'uid' | 'gid'> & { readonly inode: bigint | number },
    { content, extra }: { readonly content: Content; readonly extra: EntryExtra },
  ): void {
    const { path, kind, mode, uid, gid, inode } = exact;
    const { size, digest, mtime, ctime, pieces } = content;
    job.settle(index, {
      draft: { path, kind, mode, size, mtime, ctime, inode: BigInt(inode), digest, extra },
      owner: this.#ownerOf(uid, gid),
      pieces,
    });
  }

  /** The same object for the same owner: a million entries have a few. */
  #ownerOf(uid: number, gid: number): Owner {
    const known = this.#lastOwner;
    if (known?.uid === uid && known.gid === gid) return known;
    const owner = { uid, user: this.#owners.userName(uid), gid, group: this.#owners.groupName(gid) };
    this.#lastOwner = owner;
    return owner;
  }
}
