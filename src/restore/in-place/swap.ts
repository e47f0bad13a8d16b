/** The swap itself, from wherever it stands to its end: each step can be repeated. Implements §22.8 steps 5 and 6, and §22.9. */

import { lstatSync } from 'node:fs';
import { joinPath, type BytePath } from '../../format/path.js';
import { timestampFromNanoseconds } from '../../source/clock.js';
import { SIDECAR_SUFFIXES } from '../../source/sqlite/header.js';
import type { Area } from './area.js';
import type { DirectoryFacts } from './durable-files.js';
import type { OldFacts, SwapVolume } from './journal.js';

/** A volume with its places open. */
export interface OpenVolume {
  readonly volume: SwapVolume;
  readonly target: Area;
  readonly staged: Area | undefined;
  readonly moved: Area;
  /** This run's directory, relative to the volume. */
  readonly run: BytePath;
}

/**
 * Moves every old entry out of the target. When it returns that is durable.
 *
 * @param after - `crash`: what is in the place of an old entry may be something else by now.
 */
export function moveOut(volumes: readonly OpenVolume[], after: 'staging' | 'crash'): void {
  for (const { volume, target, staged, moved } of volumes) {
    for (const { path, old, new: isNew } of volume.steps) {
      // A new entry that is not staged any more is the one in the target.
      if (old === undefined || (isNew && staged?.has(path) !== true)) continue;
      if (moved.has(path) || !target.has(path)) continue;
      // It must not pass for the old state, nor come to lie beside a database of that.
      if (after === 'crash' && !isStillOld(path, old, oldFactsAt(target.place(path)))) continue;
      moved.makeParents(path, (directory) => factsAt(target.place(directory)));
      target.move(path, moved);
    }
  }
  syncAll(volumes);
}

/** Moves every new entry into the target, and gives entered directories their metadata. When it returns that is durable. */
export function moveIn(volumes: readonly OpenVolume[]): void {
  for (const open of volumes) {
    const aside = new Aside(open);
    const isNew = new Set(open.volume.steps.filter((step) => step.new).map(({ path }) => path));
    for (const path of isNew) {
      if (open.staged?.has(path) !== true) continue;
      // Written by somebody since the crash; a log beside a database that is not its own undoes the restore (A17).
      aside.take(path);
      for (const suffix of SIDECAR_SUFFIXES) {
        const sidecar = `${path}${suffix}` as BytePath;
        if (!isNew.has(sidecar)) aside.take(sidecar);
      }
      open.target.makeParents(path, () => undefined);
      open.staged.move(path, open.target);
    }
    // Deepest first: what is done in a directory changes its times.
    for (const { path, ...facts } of [...open.volume.directories].reverse()) {
      if (!open.target.has(path)) continue;
      open.target.setFacts(path, facts);
      // After the mode, of which an ACL has a part.
      if (open.staged?.has(path) === true) open.staged.copyXattrs(path, open.target);
    }
  }
  syncAll(volumes);
}

/** Where goes what appeared in the target while a swap stood still. */
class Aside {
  readonly #open: OpenVolume;
  #directory: BytePath | undefined;

  constructor(open: OpenVolume) {
    this.#open = open;
  }

  take(path: BytePath): void {
    const { target, moved } = this.#open;
    if (!target.has(path)) return;
    this.#directory ??= moved.freeName('' as BytePath, '.appeared-since-');
    const to = joinPath(this.#directory, path);
    moved.makeParents(to, () => undefined);
    target.move(path, moved, to);
  }
}

function syncAll(volumes: readonly OpenVolume[]): void {
  for (const { target, staged, moved } of volumes) {
    // What arrived before what left: between the two it is in both places, never in none.
    moved.sync();
    target.sync();
    staged?.sync();
  }
}

/** What tells an entry from another one in its place. */
export function oldFactsAt(path: Buffer): OldFacts {
  const stat = lstatSync(path, { bigint: true });
  return {
    mtime: timestampFromNanoseconds(stat.mtimeNs),
    size: stat.isFile() ? Number(stat.size) : 0,
  };
}

function isStillOld(path: BytePath, was: OldFacts, is: OldFacts): boolean {
  if (was.size !== is.size) return false;
  // Locking a database makes an empty log, anew after each crash.
  if (is.size === 0 && path.endsWith('-wal')) return true;
  return was.mtime.seconds === is.mtime.seconds && was.mtime.nanoseconds === is.mtime.nanoseconds;
}

/** What a directory looks like; its copy beside the target is never more open. */
export function factsAt(path: Buffer): DirectoryFacts {
  const stat = lstatSync(path, { bigint: true });
  return {
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: timestampFromNanoseconds(stat.mtimeNs),
  };
}
