/** What a rotation of app keys has to do in a directory, and whether it may. Implements §23.1. */

import { accessSync, constants, lstatSync } from 'node:fs';
import { parseAppKey } from '../../crypto/fernet.js';
import { NbakError } from '../../errors.js';
import { pathFromText, pathToText, type BytePath } from '../../format/path.js';
import type { AppKeyDeclaration, TokenPlace } from '../../source/profiles/app-keys.js';
import { resolveRoot, sourcePath, type SourceRoot } from '../../source/root.js';
import type { RuledSource } from '../../source/ruled-source.js';
import { includeRule, type PathRule } from '../../source/rules.js';
import { scopeWalk } from '../../source/scope-walk.js';
import { looksLikeDatabase } from '../../source/sqlite/looks-like-database.js';
import { findAppKey, NEXT_KEY_SUFFIX } from '../../source/tokens/find-app-key.js';
import { MOST_TOKEN_FILE_BYTES } from '../../source/tokens/file-tokens.js';
import { spotOf, type TokenSpot } from '../../source/tokens/token-counter.js';
import type { SeenEntry } from '../../source/entry.js';
import type { SourceProblem } from '../../source/walk.js';
import { notRotatable } from './refusal.js';

const RIGHT_USER = 'Run it as the user that the application runs as.';

/** An app key that is rotated. */
export interface KeyToRotate {
  readonly name: string;
  /** Below the root. */
  readonly at: BytePath;
  readonly path: Buffer;
  /** Where the next key is until it takes the place of this one. */
  readonly nextPath: Buffer;
  /** What the file holds. */
  readonly text: string;
}

/** A file with tokens. */
export interface TokenHolder {
  readonly at: BytePath;
  readonly path: Buffer;
  readonly kind: TokenPlace['in'];
  readonly spots: readonly { readonly spot: TokenSpot; readonly key: KeyToRotate }[];
}

/** What is to be done. */
export interface RotationPlan {
  readonly root: SourceRoot;
  readonly keys: readonly KeyToRotate[];
  readonly holders: readonly TokenHolder[];
  /** `device:inode` of every file below the root. */
  readonly inodes: ReadonlySet<string>;
}

/** A declared place, and what it means in one directory. */
interface Place {
  readonly place: TokenPlace;
  readonly key: KeyToRotate;
  readonly matches: PathRule;
}

/**
 * Finds the keys of a directory and every file that holds their tokens.
 *
 * @throws NbakError `APP_KEY_NOT_FOUND`, `APP_KEY_MALFORMED`, `APP_KEY_NOT_ROTATABLE`, `SOURCE_NOT_FOUND`.
 */
export function planRotation(source: RuledSource): RotationPlan {
  const root = resolveRoot(source.path);
  const keyed = source.appKeys.flatMap((declaration) => {
    const key = keyOf(root, declaration);
    return key === undefined ? [] : [{ key, tokens: declaration.tokens }];
  });
  if (keyed.length === 0) throw noKey(source);
  const places = keyed.flatMap(({ key, tokens }) =>
    tokens.map((place): Place => ({ place, key, matches: includeRule([`/${place.path}`]) })),
  );
  const inodes = new Set<string>();
  const holders: TokenHolder[] = [];
  const walk = scopeWalk({ exclude: source.exclude, excludeCaches: false, oneFileSystem: false });
  for (const entry of walk(root, { onProblem: refuseProblem })) {
    if (entry.kind === 'directory') continue;
    inodes.add(`${entry.device}:${entry.inode}`);
    holders.push(...holdersIn(root, entry, places));
  }
  return { root, keys: keyed.map(({ key }) => key), holders, inodes };
}

function keyOf({ directory }: SourceRoot, { name, from }: AppKeyDeclaration): KeyToRotate | undefined {
  const found = findAppKey(directory, from);
  if (found === undefined) {
    for (const each of from) if ('file' in each) assertReadable(directory, each.file);
    return undefined;
  }
  const { kind, at, text } = found;
  const shown = pathToText(at);
  if (kind !== 'file') {
    const where = kind === 'environment' ? `the variable ${shown}` : `${shown} in the file .env`;
    throw notRotatable(
      `${name} comes from ${where}`,
      `Only keys in files of their own can be rotated. Put the key into the application's key file and take ${where} away.`,
    );
  }
  if (parseAppKey(text) === undefined) {
    throw new NbakError('APP_KEY_MALFORMED', `${shown} holds no Fernet key`, {
      details: { name, file: shown },
      hint: 'Its tokens cannot be opened; restore the key from a backup first.',
    });
  }
  const path = sourcePath({ directory }, at);
  const stat = lstatSync(path);
  assertReplaceable({ path: at, kind: stat.isFile() ? 'file' : 'symlink', uid: stat.uid, links: stat.nlink });
  const nextPath = sourcePath({ directory }, (at + pathFromText(NEXT_KEY_SUFFIX)) as BytePath);
  return { name, at, path, nextPath, text };
}

/** A key that cannot be read is not one that is not there. */
function assertReadable(directory: string, file: string): void {
  try {
    accessSync(sourcePath({ directory }, pathFromText(file)), constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw notRotatable(`${file} cannot be read: ${code ?? ''}`, RIGHT_USER);
  }
}

function holdersIn(root: SourceRoot, entry: SeenEntry, places: readonly Place[]): readonly TokenHolder[] {
  const { path: at, size } = entry;
  const path = sourcePath(root, at);
  const matching = places.filter(({ matches }) => matches(at, false));
  return (['database', 'file'] as const).flatMap((kind): readonly TokenHolder[] => {
    const spots = matching
      .filter(({ place }) => place.in === kind)
      .map(({ place, key }) => ({ spot: spotOf(place), key }));
    if (spots.length === 0) return [];
    assertOwn(entry);
    if (kind === 'database') return looksLikeDatabase(entry, path) ? [{ at, path, kind, spots }] : [];
    assertReplaceable(entry);
    if (size > MOST_TOKEN_FILE_BYTES)
      throw notRotatable(`${pathToText(at)} is larger than 64 MiB`, 'Its tokens could not be replaced.');
    return [{ at, path, kind, spots }];
  });
}

/** What is asked of a file that is written to. */
type FileFacts = Pick<SeenEntry, 'path' | 'kind' | 'uid' | 'links'>;

/** Written by somebody else it would belong to somebody else, or its journal would, and its owner be shut out. */
function assertOwn({ path, kind, uid }: FileFacts): void {
  const shown = pathToText(path);
  const user = process.geteuid?.();
  if (kind !== 'file')
    throw notRotatable(`${shown} is no plain file`, 'Name the directory that it leads to.');
  if (user !== 0 && user !== uid) throw notRotatable(`${shown} belongs to another user`, RIGHT_USER);
}

/** What is replaced under one name stays what it was under another. */
function assertReplaceable(entry: FileFacts): void {
  assertOwn(entry);
  if (entry.links > 1)
    throw notRotatable(`${pathToText(entry.path)} has several names`, 'Remove its other hard links.');
}

function refuseProblem({ path, message }: SourceProblem): never {
  throw notRotatable(
    `${pathToText(path) || 'the directory'}: ${message}`,
    'There may be tokens: see to it that everything can be read.',
  );
}

function noKey({ path, appKeys }: RuledSource): NbakError {
  const isDeclared = appKeys.length > 0;
  return new NbakError(
    'APP_KEY_NOT_FOUND',
    isDeclared
      ? `${path} has no app key where its profile says`
      : `No profile declares an app key in ${path}`,
    {
      details: { path },
      hint: isDeclared
        ? 'Is it the state directory? Its profile says where: nbak profiles show.'
        : 'Name the state directory of an application, or its profile with --profile.',
    },
  );
}
