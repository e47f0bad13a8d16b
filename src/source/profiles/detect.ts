/** Recognising what lies in a directory, by names alone: nothing is opened. */

import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Profile } from './profile.js';

/** A profile, and where in a SOURCE its state directory is. */
export interface Match {
  readonly profile: Profile;
  /** Below the SOURCE; '' is the SOURCE itself. */
  readonly below: string;
}

/** The profiles that recognise something in `source`; of each place below it, the first of `profiles` that does. */
export function detectProfiles(source: string, profiles: readonly Profile[]): readonly Match[] {
  const matches: Match[] = [];
  for (const profile of profiles) {
    for (const below of profile.find.below) {
      if (matches.some((match) => match.below === below)) continue;
      if (recognises(profile, join(source, below))) matches.push({ profile, below });
    }
  }
  return matches;
}

/** Where a profile that the user chose has its state in `source`: where it recognises it, else the SOURCE itself. */
export function placeProfile(source: string, profile: Profile): readonly Match[] {
  const matches = detectProfiles(source, [profile]);
  return matches.length > 0 ? matches : [{ profile, below: '' }];
}

function recognises({ find: { marks, names } }: Profile, directory: string): boolean {
  const isThere = (path: string): boolean => pathsMatching(directory, path).length > 0;
  if (marks.some((group) => group.every(isThere))) return true;
  return names.includes(nameOf(directory)) && marks.some((group) => group.some(isThere));
}

function nameOf(directory: string): string {
  try {
    return basename(realpathSync(directory));
  } catch {
    return '';
  }
}

/**
 * The paths below `directory` that `pattern` names and that exist: components between slashes, `*` for any part of a
 * name, a slash at the end for directories alone.
 */
export function pathsMatching(directory: string, pattern: string): readonly string[] {
  const components = pattern.split('/').filter((component) => component !== '');
  let found: readonly string[] = [''];
  for (const component of components)
    found = found.flatMap((path) =>
      children(join(directory, path), component).map((name) => join(path, name)),
    );
  if (components.length === 0) return [];
  return found.filter((path) => exists(join(directory, path), pattern.endsWith('/')));
}

function children(directory: string, component: string): readonly string[] {
  if (!component.includes('*')) return [component];
  const escaped = component.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  const wanted = new RegExp(`^${escaped}$`, 's');
  try {
    return readdirSync(directory).filter((name) => wanted.test(name));
  } catch {
    return [];
  }
}

function exists(path: string, isDirectory: boolean): boolean {
  const stat = statOrNothing(path);
  return stat !== undefined && (!isDirectory || stat.isDirectory());
}

function statOrNothing(path: string): ReturnType<typeof statSync> {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
