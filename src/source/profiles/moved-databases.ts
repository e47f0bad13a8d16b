/** Databases that a URL put elsewhere: sources of their own, or part of one, with the tokens that lie in them. */

import { basename, relative } from 'node:path';
import { isWithin, realPathOf } from '../real-path.js';
import { plainSource, type RuledSource } from '../ruled-source.js';
import type { AppKeyDeclaration } from './app-keys.js';
import { patternOfPath } from './patterns.js';

/** A database, and what is declared of tokens in it, without where their keys are. */
export interface MovedDatabase {
  /** Absolute. */
  readonly path: string;
  readonly appKeys: readonly AppKeyDeclaration[];
}

/** What is declared of tokens in the database at `path`; the keys are where they were. */
export function tokensAt(
  appKeys: readonly AppKeyDeclaration[],
  path: string | undefined,
): readonly AppKeyDeclaration[] {
  return appKeys
    .map(({ name, tokens }) => ({ name, from: [], tokens: tokens.filter((each) => each.path === path) }))
    .filter(({ tokens }) => tokens.length > 0);
}

/** The sources with the databases: each becomes one, unless it lies in one that is there. */
export function withDatabases(
  sources: readonly RuledSource[],
  databases: readonly MovedDatabase[],
): readonly RuledSource[] {
  return databases.reduce((all, { path, appKeys }) => {
    const index = all.findIndex((source) => isWithin(path, source.path));
    const source = all[index];
    if (source === undefined)
      return [...all, { ...plainSource(path), appKeys: placed(appKeys, basename(path)) }];
    const inside = relative(realPathOf(source.path), realPathOf(path)) || basename(path);
    return all.with(index, { ...source, appKeys: joined(source.appKeys, placed(appKeys, inside)) });
  }, sources);
}

function placed(appKeys: readonly AppKeyDeclaration[], path: string): readonly AppKeyDeclaration[] {
  const at = patternOfPath(path).slice(1);
  return appKeys.map((appKey) => ({
    ...appKey,
    tokens: appKey.tokens.map((each) => ({ ...each, path: at })),
  }));
}

/** Of one name there is one declaration in a source. A place that it has already is not counted twice. */
function joined(
  own: readonly AppKeyDeclaration[],
  added: readonly AppKeyDeclaration[],
): readonly AppKeyDeclaration[] {
  return added.reduce((all, appKey) => {
    const index = all.findIndex(({ name }) => name === appKey.name);
    const before = all[index];
    if (before === undefined) return [...all, appKey];
    const fresh = appKey.tokens.filter((each) => before.tokens.every(({ path }) => path !== each.path));
    return all.with(index, { ...before, tokens: [...before.tokens, ...fresh] });
  }, own);
}
