/** In the capture process: what SQLite says about a database that is open. */
import type Database from 'better-sqlite3';
import { countInDatabase, type TokenQuery } from '../tokens/database-tokens.js';
import type { DatabaseFacts } from './protocol.js';
import { isMissingFeature } from './sqlite-errors.js';

const MAX_PROBLEMS = 10;

/**
 * Facts, the result of `quick_check`, which reads every page, and tokens; inside a transaction, of the state that it
 * sees.
 */
export function factsOf(connection: Database.Database, tokens: readonly TokenQuery[]): DatabaseFacts {
  return {
    ...extentOf(connection),
    userVersion: numberOf(connection, 'user_version'),
    applicationId: numberOf(connection, 'application_id'),
    check: quickCheck(connection),
    ...(tokens.length > 0 && { tokens: countInDatabase(connection, tokens) }),
  };
}

/** The size of the database as SQLite knows it, zeros when it is too damaged to say, and its journal mode. */
export function extentOf(
  connection: Database.Database,
): Pick<DatabaseFacts, 'pages' | 'pageSize' | 'journal'> {
  // Counting reads the header; before that SQLite only guesses the page size of a file that was empty.
  const pages = numberOf(connection, 'page_count');
  const pageSize = numberOf(connection, 'page_size');
  return { pages, pageSize, journal: pragmaOf(connection, 'journal_mode') === 'wal' ? 'wal' : 'rollback' };
}

function quickCheck(connection: Database.Database): DatabaseFacts['check'] {
  let problems: string[];
  try {
    const rows = connection.pragma(`quick_check(${MAX_PROBLEMS})`) as { quick_check: string }[];
    problems = rows.map((row) => row.quick_check).filter((text) => text !== 'ok');
  } catch (error) {
    problems = [error instanceof Error ? error.message : String(error)];
  }
  if (problems.length === 0) return 'ok';
  return problems.every(isMissingFeature) ? 'not-checkable' : 'damaged';
}

function numberOf(connection: Database.Database, name: string): number {
  const value = pragmaOf(connection, name);
  return typeof value === 'number' ? value : 0;
}

function pragmaOf(connection: Database.Database, name: string): unknown {
  try {
    return connection.pragma(name, { simple: true });
  } catch {
    // Too damaged to say; the check says so.
    return undefined;
  }
}
