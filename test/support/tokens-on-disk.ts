/** The tokens that lie in an application's directory, found by their form and by no code of ours. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

const TOKEN = /gAAAA[\w-]+=*/g;

/** Every token in the JSON files and databases that lie in a directory, in an order that only depends on where each is. */
export function tokensOnDisk(directory: string): readonly string[] {
  return textsIn(directory).flatMap((text) => text.match(TOKEN) ?? []);
}

/** The same files and rows with all tokens alike: what must not change. */
export function allButTokens(directory: string): readonly string[] {
  return textsIn(directory).map((text) => text.replace(TOKEN, 'TOKEN'));
}

/** The seconds since 1970 that a token says. */
export function stampOf(token: string): bigint {
  return Buffer.from(token, 'base64url').readBigUInt64BE(1);
}

function textsIn(directory: string): readonly string[] {
  const names = readdirSync(directory).sort();
  return names.flatMap((name) => {
    if (name.endsWith('.db')) return databaseRows(join(directory, name));
    return name.endsWith('.json') ? [readFileSync(join(directory, name), 'utf8')] : [];
  });
}

function databaseRows(path: string): readonly string[] {
  const database = new Database(path, { readonly: true });
  try {
    const tables = database
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' ORDER BY name",
      )
      .pluck()
      .all() as readonly string[];
    return tables.flatMap((table) =>
      database
        .prepare(`SELECT * FROM "${table}"`)
        .all()
        .map((row) => `${table} ${JSON.stringify(row)}`),
    );
  } finally {
    database.close();
  }
}
