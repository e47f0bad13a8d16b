/** Tokens in a database that is open for writing, counted under two keys and sealed anew. */

import type Database from 'better-sqlite3';
import { countInDatabase, hasColumn, quoted } from './database-tokens.js';
import { openedByEither, queriesUnder, Resealer, type TokenRotation } from './reseal.js';
import type { TokenSpot, TokenTally } from './token-counter.js';

/** How many tokens open with the old key or the new one, of each rotation in order. */
export function countRotating(
  database: Database.Database,
  rotations: readonly TokenRotation[],
): readonly TokenTally[] {
  const before = countInDatabase(database, queriesUnder('from', rotations));
  return openedByEither(before, countRotated(database, rotations));
}

/** How many open with the new key. */
export function countRotated(
  database: Database.Database,
  rotations: readonly TokenRotation[],
): readonly TokenTally[] {
  return countInDatabase(database, queriesUnder('to', rotations));
}

/**
 * Seals every token anew that opens with its old key; others are left as they are.
 *
 * @throws what SQLite says.
 */
export function resealInDatabase(database: Database.Database, rotations: readonly TokenRotation[]): void {
  for (const [i, rotation] of rotations.entries()) {
    if (hasColumn(database, rotation.spot)) resealColumn(database, { ...rotation, name: `nbak_reseal_${i}` });
  }
}

function resealColumn(
  database: Database.Database,
  { spot, from, to, name }: TokenRotation & { readonly name: string },
): void {
  const resealer = new Resealer({ from, to });
  database.function(name, (value: unknown) => resealed(resealer, spot, value));
  const [table, column] = [quoted(spot.table), quoted(spot.column)];
  // By the statement itself: rows need no number so, and keep the type of their value.
  database.exec(
    `UPDATE ${table} SET ${column} = ${name}(${column}) ` +
      `WHERE typeof(${column}) IN ('text', 'blob') AND ${name}(${column}) IS NOT NULL`,
  );
}

function resealed(resealer: Resealer, spot: TokenSpot, value: unknown): string | Uint8Array | null {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) return null;
  return resealer.resealValue(value, spot) ?? null;
}
