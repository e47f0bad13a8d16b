/** What belongs to an application and lies outside its state directory: found, and said in words. */

import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isWithin } from '../real-path.js';
import { absenceOf } from './absence.js';
import { pathsMatching } from './detect.js';
import { expandTemplate, type Environment } from './environment.js';
import type { Elsewhere } from './profile.js';

/** What was found. */
export interface FoundElsewhere {
  /** Databases that are captured with the rest, wherever they lie. */
  readonly databases: readonly string[];
  /** Sentences about what is not in the backup, without secrets. */
  readonly outside: readonly string[];
}

const NOTHING: FoundElsewhere = { databases: [], outside: [] };

/**
 * Looks for one thing.
 *
 * @param directory - the state directory.
 * @param environment - as the application sees it.
 */
export function findElsewhere(part: Elsewhere, directory: string, environment: Environment): FoundElsewhere {
  switch (part.kind) {
    case 'database-url':
      return findDatabase(part, directory, environment);
    case 'server':
      return findServer(part, environment);
    case 'path':
      return findPath(part, directory, environment);
    case 'pending':
      return findPending(part, directory);
  }
}

function findDatabase(
  { variable, relativeTo, inPlaceOf, what }: Extract<Elsewhere, { kind: 'database-url' }>,
  directory: string,
  { variables }: Environment,
): FoundElsewhere {
  const url = variables[variable] ?? '';
  if (url === '') return NOTHING;
  const sqlite = /^sqlite(?:\+\w+)?:\/\/(?:\/([^?#]*)|$)/.exec(url);
  if (sqlite === null)
    return {
      databases: [],
      outside: [`${what}: ${variable} names ${placeOf(url)}, which has to be backed up by its own means`],
    };
  const [, file = ''] = sqlite;
  if (file === '' || file.startsWith(':memory:')) return NOTHING;
  const path = resolve(join(directory, relativeTo), file);
  if (inPlaceOf !== undefined && isWithin(path, join(directory, inPlaceOf))) return NOTHING;
  const absence = absenceOf(path);
  if (absence === undefined) return { databases: [path], outside: [] };
  if (isWithin(path, directory)) return NOTHING;
  return { databases: [], outside: [`${what}: ${variable} names ${path}, which is ${absence}`] };
}

/** Where a URL leads, without what may be a secret in it: user, password and parameters. */
function placeOf(url: string): string {
  const [, scheme = ''] = /^([A-Za-z][\w+.-]*):\/\//.exec(url) ?? [];
  if (scheme === '') return 'a place that is no URL';
  const rest = url.slice(scheme.length + 3).replace(/[?#].*$/s, '');
  const place = withoutUser(rest);
  const isPlain = /^[\w.:[\]-]+(\/[\w.-]*)?$/.test(place);
  return `a database of ${scheme.split('+')[0] ?? scheme}${isPlain ? ` at ${place}` : ''}`;
}

function withoutUser(place: string): string {
  return place.slice(place.lastIndexOf('@') + 1);
}

function findServer(
  { host, port, what }: Extract<Elsewhere, { kind: 'server' }>,
  { variables }: Environment,
): FoundElsewhere {
  const name = withoutUser(variables[host] ?? '');
  if (name === '') return NOTHING;
  const number = port === undefined ? '' : (variables[port] ?? '');
  return {
    databases: [],
    outside: [`${what} (${host} is ${name}${number === '' ? '' : `, port ${number}`})`],
  };
}

function findPath(
  { places, what }: Extract<Elsewhere, { kind: 'path' }>,
  directory: string,
  environment: Environment,
): FoundElsewhere {
  const path = places.map((place) => expandTemplate(place, environment)).find((each) => each !== undefined);
  if (path === undefined || !existsSync(path) || isWithin(path, directory)) return NOTHING;
  return { databases: [], outside: [`${what}: ${path}`] };
}

function findPending(
  { path, emptyBytes, what }: Extract<Elsewhere, { kind: 'pending' }>,
  directory: string,
): FoundElsewhere {
  const filled = pathsMatching(directory, path).filter((each) => sizeOf(join(directory, each)) > emptyBytes);
  return { databases: [], outside: filled.length === 0 ? [] : [`${what} (${filled.join(', ')})`] };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
