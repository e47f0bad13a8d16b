/** Proves that a restored state directory works: its databases are sound and of one state, its tokens open. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Fernet, parseAppKey } from '../../crypto/fernet.js';
import { nodeCrypto } from '../../crypto/node.js';
import type { Narrator } from '../narrator.js';
import { APP_KEY, CHAT, CREDENTIALS, MEMORY } from './state-directory.js';

/**
 * Proves it with SQLite itself, not with the program.
 *
 * @param written - how many messages the writer had written when it was stopped, after the backup.
 */
export function proveApplicationState(restored: string, written: number, narrator: Narrator): void {
  const chat = new Database(join(restored, CHAT), { fileMustExist: true });
  const memory = new Database(join(restored, MEMORY), { fileMustExist: true });
  try {
    for (const [name, database] of [
      [CHAT, chat],
      [MEMORY, memory],
    ] as const) {
      const verdict = String(database.pragma('integrity_check', { simple: true }));
      narrator.prove(`${name} passes SQLite's integrity_check`, verdict === 'ok', verdict);
    }
    proveOneState(ids(chat, 'SELECT id FROM messages'), ids(memory, 'SELECT message FROM memories'), {
      written,
      narrator,
    });
    proveTokens(restored, memory, narrator);
  } finally {
    chat.close();
    memory.close();
  }
}

function proveOneState(
  messages: readonly number[],
  memories: readonly number[],
  { written, narrator }: { readonly written: number; readonly narrator: Narrator },
): void {
  narrator.prove(
    `both hold an unbroken run: messages 1 to ${messages.length}, memories 1 to ${memories.length}`,
    isRun(messages) && isRun(memories) && memories.length > 0,
  );
  const ahead = messages.length - memories.length;
  narrator.prove(
    `they are of one moment: the writer commits message n, then memory n, and the backup caught it ${ahead === 0 ? 'after both' : 'between the two'}`,
    ahead === 0 || ahead === 1,
    `${messages.length} messages and ${memories.length} memories never existed together`,
  );
  narrator.prove(
    `the writer was at work throughout: by the end of the backup it had gone on to ${written}`,
    written > messages.length,
  );
}

function proveTokens(restored: string, memory: Database.Database, narrator: Narrator): void {
  const appKey = parseAppKey(readFileSync(join(restored, APP_KEY), 'utf8'));
  const fernet = appKey && new Fernet(nodeCrypto, appKey);
  const rows = memory.prepare('SELECT name, token FROM credentials').all() as readonly {
    readonly name: string;
    readonly token: string;
  }[];
  const opened = rows.filter(({ name, token }) => {
    const content = fernet?.open(token);
    return content !== undefined && Buffer.from(content.plaintext).toString() === CREDENTIALS.get(name);
  });
  narrator.prove(
    `${opened.length} of ${CREDENTIALS.size} credentials open with the restored ${APP_KEY}`,
    opened.length === CREDENTIALS.size && rows.length === CREDENTIALS.size,
  );
}

function ids(database: Database.Database, sql: string): readonly number[] {
  return database.prepare(`${sql} ORDER BY 1`).pluck().all() as number[];
}

function isRun(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => number === i + 1);
}
