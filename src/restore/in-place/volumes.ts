/** The volumes of a target, with their places open: the target itself and the mount points below it. Implements §22.6. */

import { dirname } from 'node:path';
import { NbakError } from '../../errors.js';
import { joinPath, pathToText, type BytePath } from '../../format/path.js';
import { Area } from './area.js';
import type { DurableFiles } from './durable-files.js';
import type { SwapVolume } from './journal.js';
import type { OpenVolume } from './swap.js';

/** A target or a mount point below it. */
export interface Volume {
  /** Below the target; '' for the target. */
  readonly base: BytePath;
  /** Absolute, one character per byte. */
  readonly path: string;
  readonly area: Area;
}

/** Opens a volume of the target that is open as `target`, without following links below it. */
export function openVolume(files: DurableFiles, path: string, base: BytePath, target?: Area): Volume {
  if (target === undefined) return { base, path, area: new Area(files, Buffer.from(path, 'latin1')) };
  return { base, path: joinPath(path as BytePath, base), area: new Area(files, target.place(base)) };
}

/** The volume that an entry is swapped in: the deepest that holds it. A mount point itself is its own volume's root. */
export function volumeOf<V extends { readonly base: BytePath }>(volumes: readonly V[], path: BytePath): V {
  const found = volumes.findLast(({ base }) => base === '' || path === base || path.startsWith(`${base}/`));
  if (found === undefined) throw new RangeError('the target is a volume of its own');
  return found;
}

/** A path relative to its volume. */
export function inVolume({ base }: { readonly base: BytePath }, path: BytePath): BytePath {
  if (base === '') return path;
  return path.slice(base.length + 1) as BytePath;
}

/** Where what is moved away lies, absolute. */
export function movedPlace({ path }: Volume, moved: BytePath): Buffer {
  const from = moved.startsWith('../') ? dirname(path) : path;
  const name = moved.startsWith('../') ? moved.slice(3) : moved;
  return Buffer.from(from === '/' ? `/${name}` : `${from}/${name}`, 'latin1');
}

/**
 * Opens the places of a swap.
 *
 * @param of - `run`: the directory of the run that does it now.
 * @throws NbakError `TARGET_FAILED` where the staged tree is not there, as when a volume is not mounted.
 */
export function openSwap(
  files: DurableFiles,
  volume: Volume,
  of: { readonly swap: SwapVolume; readonly run: BytePath },
): OpenVolume {
  const { swap, run } = of;
  const { area } = volume;
  if (swap.staged !== undefined && !area.has(swap.staged)) {
    const place = pathToText(volume.path as BytePath);
    throw new NbakError('TARGET_FAILED', `What was staged in ${place} is not there`, {
      details: { path: place, staged: pathToText(swap.staged) },
      hint: 'If it is a mount point, mount it and try again.',
    });
  }
  return {
    volume: swap,
    target: area,
    staged: swap.staged === undefined ? undefined : new Area(files, area.place(swap.staged)),
    moved: new Area(files, movedArea(volume, swap.moved)),
    run,
  };
}

/** Beside the target there is no way but its own path; below it none follows a link. */
function movedArea(volume: Volume, moved: BytePath): Buffer {
  return moved.startsWith('../') ? movedPlace(volume, moved) : volume.area.place(moved);
}
