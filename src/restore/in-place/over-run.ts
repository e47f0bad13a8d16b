/** One restore over a directory, from its work directories to the end of its swap. Implements §22.8 steps 2 to 7. */

import { NbakError } from '../../errors.js';
import { joinPath, pathToText, type BytePath } from '../../format/path.js';
import { movedAsideSuffix } from '../../source/profiles/custom.js';
import { assertNoneRuns, assertNotInUse } from '../../source/stop-check.js';
import { unfinishedRestore } from '../../source/unfinished-restore.js';
import { assertDistinct, foldingOf } from '../colliding-names.js';
import type { RestoreResult, RestoreSource } from '../result.js';
import type { Area } from './area.js';
import { finishSwap, makeMoved, writeJournal, type SwapEnd, type SwapPart } from './commit.js';
import type { Comparison } from './compare.js';
import type { DirectoryFacts, DurableFiles } from './durable-files.js';
import { stopped } from './errors.js';
import type { EnteredDirectory, Journal } from './journal.js';
import { lockDatabases } from './live-databases.js';
import { mountPoints } from './mount-points.js';
import { compactUtc } from './names.js';
import type { OldTree } from './old-tree.js';
import type { RestoreOverOptions } from './result.js';
import { stage, stagedBase, type StagingPlan } from './staging.js';
import type { Survey } from './survey.js';
import { factsAt, oldFactsAt } from './swap.js';
import { inVolume, movedPlace, openVolume, volumeOf, type Volume } from './volumes.js';
import { freeName, JOURNAL, WorkDirectory } from './work-directory.js';

/** A restore under way. Close it, however it ends. */
export class OverRun {
  volumes: readonly Volume[] = [];
  readonly #source: RestoreSource;
  readonly #options: RestoreOverOptions;
  readonly #survey: Survey;
  readonly #files: DurableFiles;
  readonly #works = new Map<Volume, WorkDirectory>();
  readonly #undo: (() => void)[] = [];
  #isJournalled = false;

  constructor(
    files: DurableFiles,
    of: { readonly source: RestoreSource; readonly options: RestoreOverOptions; readonly survey: Survey },
  ) {
    this.#files = files;
    this.#source = of.source;
    this.#options = of.options;
    this.#survey = of.survey;
  }

  /** Makes and locks the work directories, the target's first: it is the one that others look for. */
  enter(mounts: readonly BytePath[]): void {
    const target = openVolume(this.#files, this.#survey.target, '' as BytePath);
    this.volumes = [target];
    this.#enter(target);
    for (const base of mounts) {
      const volume = openVolume(this.#files, this.#survey.target, base, target.area);
      this.volumes = [...this.volumes, volume];
      this.#enter(volume);
    }
  }

  stage(plan: StagingPlan): Promise<RestoreResult> {
    const { restore } = this.#options;
    return stage(this.#source, this.#survey, {
      plan,
      options: restore,
      directory: this.#workOf(this.#target).run,
    });
  }

  async swap(): Promise<{ readonly comparison: Comparison; readonly end: SwapEnd }> {
    const { target } = this.#survey;
    const now = this.#survey.compare(() => true).old;
    assertStopped(this.#survey, now, this.#options);
    const locks = await lockDatabases(target, now.entries.values(), this.#options.ifRunning);
    try {
      // Taking the locks may have made logs, which go the way of their databases.
      const { old, comparison } = this.#survey.compare((path) => this.#isStaged(path));
      this.#assertStaged(old, comparison);
      this.#assertDistinct(old, comparison);
      if (this.#options.restore.signal?.aborted === true) throw interrupted(this.#survey);
      const parts = this.#makeParts(comparison, Date.now());
      const journal: Journal = {
        backup: this.#source.backup.id,
        begun: Date.now(),
        keep: this.#options.policy.way === 'in-place',
        profile: this.#source.detail.profile,
        volumes: parts.map(({ swap }) => swap),
      };
      for (const { volume, work } of parts) {
        this.#files.syncTree(volume.area.place(work.run));
        work.sync();
      }
      this.#commit(journal);
      return { comparison, end: await finishSwap(this.#files, parts, { ...journal, after: 'staging' }) };
    } catch (error) {
      throw this.#isJournalled ? stopped(error, target) : error;
    } finally {
      await locks.release();
    }
  }

  #commit(journal: Journal): void {
    try {
      writeJournal(this.#files, this.#target, journal);
    } finally {
      // Where it stands, what was staged is needed.
      this.#isJournalled = this.#target.area.has(JOURNAL);
    }
  }

  /** Before the swap: takes away everything that this run made. */
  close(): void {
    if (!this.#isJournalled) for (const undo of this.#undo.reverse()) undo();
    for (const { area } of this.volumes) area.close();
  }

  get #target(): Volume {
    const [target] = this.volumes;
    if (target === undefined) throw new RangeError('the run has not entered its target');
    return target;
  }

  #enter(volume: Volume): void {
    const facts = factsAt(volume.area.place('' as BytePath));
    const work = new WorkDirectory(this.#files, volume.area);
    work.enter(this.#options.ifRunning);
    if (volume.area.has(JOURNAL)) throw unfinishedRestore(pathToText(volume.path as BytePath));
    this.#works.set(volume, work);
    this.#undo.push(() => {
      work.leave();
      this.#files.setFacts(volume.area.place('' as BytePath), facts);
    });
    work.removeLitter();
    // The safety backup shows the directory as it was found.
    this.#files.setFacts(volume.area.place('' as BytePath), facts);
  }

  #workOf(volume: Volume): WorkDirectory {
    const work = this.#works.get(volume);
    if (work === undefined) throw new RangeError('the volume was not entered');
    return work;
  }

  #stagedArea(path: BytePath): { readonly area: Area; readonly place: BytePath } {
    const volume = volumeOf(this.volumes, path);
    const base = stagedBase(this.#survey, volume, this.#workOf(volume).run);
    const inside = inVolume(volume, path);
    return { area: volume.area, place: inside === '' ? base : joinPath(base, inside) };
  }

  #isStaged(path: BytePath): boolean {
    const { area, place } = this.#stagedArea(path);
    return area.has(place);
  }

  /** The target has changed since it was looked at first, so that something is wanted that was not. */
  #assertStaged(old: OldTree, comparison: Comparison): void {
    const isEntered = (mount: BytePath): boolean => this.volumes.some(({ base }) => base === mount);
    const elsewhere = mountsWithSteps(old, comparison).find((mount) => !isEntered(mount));
    const missing =
      comparison.steps.find(({ path, new: isNew }) => isNew && !this.#isStaged(path)) ??
      (elsewhere === undefined ? undefined : { path: elsewhere });
    if (missing === undefined) return;
    throw new NbakError(
      'TARGET_IN_USE',
      `The target changed while the backup was read: ${pathToText(missing.path)}`,
      {
        details: { path: pathToText(missing.path) },
        hint: 'Stop what works there, and restore again.',
      },
    );
  }

  /** What stays under a name that is one with that of something new would be written over. */
  #assertDistinct({ left }: OldTree, { stayed }: Comparison): void {
    const { entries, target } = this.#survey;
    const { path } = this.#target;
    const work = `${pathToText(path as BytePath)}/${pathToText(this.#workOf(this.#target).run)}`;
    assertDistinct(
      new Set([...entries.keys(), ...left, ...stayed]),
      foldingOf(work),
      pathToText(target as BytePath),
    );
  }

  #makeParts(comparison: Comparison, now: number): readonly SwapPart[] {
    return this.volumes.map((volume) => {
      const work = this.#workOf(volume);
      const staged = stagedBase(this.#survey, volume, work.run);
      const isHere = (path: BytePath): boolean => volumeOf(this.volumes, path) === volume;
      return {
        volume,
        work,
        swap: {
          base: volume.base,
          staged: volume.area.has(staged) ? staged : undefined,
          moved: this.#makeMoved(volume, work, now),
          directories: comparison.entered.filter(isHere).flatMap((path) => this.#facts(volume, path)),
          steps: comparison.steps
            .filter(({ path }) => isHere(path))
            .map((step) => {
              const path = inVolume(volume, step.path);
              return { path, old: step.old ? oldFactsAt(volume.area.place(path)) : undefined, new: step.new };
            }),
        },
      };
    });
  }

  /** What an entered directory is to look like: as its staged copy does. */
  #facts(volume: Volume, path: BytePath): readonly EnteredDirectory[] {
    const { area, place } = this.#stagedArea(path);
    if (!this.#survey.entries.has(path) || !this.#survey.isAskedFor(path) || !area.has(place)) return [];
    return [{ path: inVolume(volume, path), ...factsAt(area.place(place)) }];
  }

  #makeMoved(volume: Volume, work: WorkDirectory, now: number): BytePath {
    const facts = factsAt(volume.area.place('' as BytePath));
    if (this.#options.policy.way === 'overwrite') {
      const old = joinPath(work.run, 'old');
      makeMoved(this.#files, volume, old, facts);
      return old;
    }
    const time = compactUtc(now);
    const beside = freeBeside(this.#files, volume, this.#movedSuffix(now));
    const inside = work.freeMovedName(time);
    const moved = beside !== undefined && this.#canMake(volume, beside, facts) ? beside : inside;
    if (moved === inside) makeMoved(this.#files, volume, inside, facts);
    // Nothing is in it before the journal stands.
    this.#undo.push(() => void this.#files.removeEmptyDirectory(movedPlace(volume, moved)));
    return moved;
  }

  /** What stands behind the target's name in that of what is moved away: by the custom of its application. */
  #movedSuffix(now: number): string {
    const shown = pathToText(this.#survey.target as BytePath);
    const custom = movedAsideSuffix(shown, this.#source.detail.profile, now);
    return custom ?? `.pre-restore-${compactUtc(now)}`;
  }

  #canMake(volume: Volume, moved: BytePath, facts: DirectoryFacts): boolean {
    try {
      makeMoved(this.#files, volume, moved, facts);
      return true;
    } catch (error) {
      if (!NOT_ALLOWED.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return false;
    }
  }
}

const NOT_ALLOWED = ['EACCES', 'EPERM', 'EROFS'];

/** A name beside the target; there is none where that would be another volume. */
function freeBeside(files: DurableFiles, volume: Volume, suffix: string): BytePath | undefined {
  if (volume.base !== '' || volume.path === '/' || mountPoints(volume.path).self) return undefined;
  const name = volume.path.slice(volume.path.lastIndexOf('/') + 1);
  return freeName((path) => files.exists(movedPlace(volume, path)), `../${name}${suffix}` as BytePath);
}

/** The mount points below a target in which something is to be swapped. */
export function mountsWithSteps({ mounts }: OldTree, { steps }: Comparison): readonly BytePath[] {
  return mounts.filter((mount) => steps.some(({ path }) => path.startsWith(`${mount}/`)));
}

/** Throws `TARGET_IN_USE` where somebody is at work in the target, unless that is to be ignored. */
export function assertStopped(
  { target }: Survey,
  { entries }: OldTree,
  { ifRunning }: RestoreOverOptions,
): void {
  if (ifRunning === 'ignore') return;
  assertNoneRuns(pathToText(target as BytePath));
  const files = [...entries.values()].filter(({ kind }) => kind === 'file');
  assertNotInUse(target, new Set(files.map(({ device, inode }) => `${device}:${inode}`)));
}

function interrupted({ target }: Survey): NbakError {
  const shown = pathToText(target as BytePath);
  return new NbakError('INTERRUPTED', `Interrupted: ${shown} is what it was`, { hint: 'Run it again.' });
}
