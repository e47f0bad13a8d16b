/** Tokens in a database that is open. Whoever opens one says where: of a source only the capture process may (DESIGN §6). */

import type Database from 'better-sqlite3';
import { Fernet, parseAppKey } from '../../crypto/fernet.js';
import { nodeCrypto } from '../../crypto/node.js';
import { parseJson, textsAt } from './field.js';
import { TokenCounter, type TokenSpot, type TokenTally } from './token-counter.js';

/** A column to look at, and the text of the key that should open what is there; undefined where none was found. */
export interface TokenQuery {
  readonly spot: TokenSpot;
  readonly key: string | undefined;
}

/**
 * Counts the tokens of each query, in order. What is not there (a table of an older or newer application, a damaged
 * page) holds no tokens.
 */
export function countInDatabase(
  database: Database.Database,
  queries: readonly TokenQuery[],
): readonly TokenTally[] {
  return queries.map(({ spot, key }) => {
    const counter = new TokenCounter(fernetOf(key), spot.prefix);
    for (const value of valuesOf(database, spot)) {
      if (spot.field === '') counter.add(value);
      else for (const text of textsAt(parseJson(value), spot.field)) counter.add(text);
    }
    return counter.tally();
  });
}

/** What makes and opens tokens of a key's text. */
export function fernetOf(key: string | undefined): Fernet | undefined {
  const parsed = key === undefined ? undefined : parseAppKey(key);
  return parsed && new Fernet(nodeCrypto, parsed);
}

/** Names of tables and columns are quoted: a profile is somebody's file. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Says whether a database has the column of a spot. */
export function hasColumn(database: Database.Database, { table, column }: TokenSpot): boolean {
  const found = database
    .prepare('SELECT count(*) FROM pragma_table_info(?) WHERE name = ?')
    .pluck()
    .get(table, column);
  return found !== 0;
}

function* valuesOf(database: Database.Database, spot: TokenSpot): Generator<string, void, void> {
  try {
    if (!hasColumn(database, spot)) return;
    const column = quoted(spot.column);
    const rows = database.prepare(
      `SELECT CAST(${column} AS TEXT) FROM ${quoted(spot.table)} WHERE typeof(${column}) IN ('text', 'blob')`,
    );
    yield* rows.pluck().iterate() as IterableIterator<string>;
  } catch {
    // The integrity check says what is wrong with it.
  }
}
