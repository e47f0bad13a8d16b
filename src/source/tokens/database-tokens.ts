/** Tokens in a database that is open. Whoever opens one says where: of a source only the capture process may (DESIGN §6). */

import type Database from 'better-sqlite3';
import { Fernet, parseAppKey } from '../../crypto/fernet.js';
import { nodeCrypto } from '../../crypto/node.js';
import { parseJson, textsAt } from './field.js';
import { TokenCounter, type TokenSpot, type NamedTally } from './token-counter.js';

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
): readonly NamedTally[] {
  return queries.map(({ spot, key }) => {
    const counter = new TokenCounter(fernetOf(key), spot.prefix);
    for (const { row, value } of valuesOf(database, spot)) {
      if (spot.field === '') counter.add(value, `row ${row}`);
      else
        for (const { at, text } of textsAt(parseJson(value), spot.field))
          counter.add(text, `row ${row}, ${at}`);
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

/** Rows are numbered as SQLite numbers them, and where it does not, in their order. */
function* valuesOf(
  database: Database.Database,
  spot: TokenSpot,
): Generator<{ readonly row: number; readonly value: string }, void, void> {
  try {
    if (!hasColumn(database, spot)) return;
    const [table, column] = [quoted(spot.table), quoted(spot.column)];
    const texts = `FROM ${table} WHERE typeof(${column}) IN ('text', 'blob')`;
    const numbered = attempt(() => database.prepare(`SELECT rowid, CAST(${column} AS TEXT) ${texts}`));
    const rows =
      numbered ?? database.prepare(`SELECT row_number() OVER (), CAST(${column} AS TEXT) ${texts}`);
    for (const [row, value] of rows.raw().iterate() as IterableIterator<[number, string]>)
      yield { row, value };
  } catch {
    // The integrity check says what is wrong with it.
  }
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
