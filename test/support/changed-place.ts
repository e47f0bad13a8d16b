/** A backed-up state directory that has changed since, for restores over it by the program. */

import { expect } from 'vitest';
import { makePlace, type Place, type RestoreJson } from './cli.js';
import { describeState, LEAVING_OUT, writeFirstState, writeSecondState } from './state-directory.js';

/** What `restore --in-place --json` prints, as far as tests look. */
export interface OverJson extends RestoreJson {
  readonly swapped: boolean;
  readonly replaced: number;
  readonly added: number;
  readonly removed: number;
  readonly moved: readonly string[];
  readonly safetyBackup: string | null;
}

/** What tests of restores in place start from. */
export interface ChangedPlace {
  readonly place: Place;
  readonly state: string;
  readonly backup: string;
  readonly first: readonly string[];
  readonly second: readonly string[];
  restore(exit: number, ...flags: readonly string[]): Promise<OverJson>;
}

/** A state that is backed up, and another one in its place. */
export async function changedSince(state?: string): Promise<ChangedPlace> {
  const place = await makePlace();
  const directory = state ?? place.source;
  writeFirstState(directory);
  const first = describeState(directory);
  const { id } = await place.json<{ id: string }>(0, 'backup', directory, ...LEAVING_OUT);
  writeSecondState(directory);
  return {
    place,
    state: directory,
    backup: id,
    first,
    second: describeState(directory),
    restore: (exit, ...flags) => place.json<OverJson>(exit, 'restore', id, '--in-place', directory, ...flags),
  };
}

/** The one place that holds what was moved away. */
export function movedOf({ moved }: OverJson): string {
  expect(moved).toHaveLength(1);
  return moved[0] ?? '';
}
