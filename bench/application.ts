/** An application that has the state's database open, as the real ones do: what is backed up is in use. */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { Bench } from './bench.js';

const FILE = 'state.db';

/** Opens the database of `directory` in a process of its own, commits once, so that its log is not empty, and stays. */
async function startApplication(directory: string): Promise<Application> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), join(directory, FILE)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the application that holds the database open ended')));
  });
  return new Application(child);
}

/** Does something while an application has the database of `directory` open, as it has where people back up. */
export async function inUse(bench: Bench, directory: string, work: () => Promise<void>): Promise<void> {
  const application = await startApplication(directory);
  try {
    await bench.settle();
    await work();
  } finally {
    await application.stop();
  }
}

/** A running application. */
class Application {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Ends it in an orderly way: SQLite checkpoints when the last connection closes, and removes the log. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

/** Does to a restored database with its log what the application did to its own at its end, so that both compare. */
export function settleDatabase(directory: string): void {
  const path = join(directory, FILE);
  if (!existsSync(`${path}-wal`)) return;
  const database = new Database(path);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}

function runApplication(path: string): void {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec('UPDATE messages SET chat = chat WHERE id <= 100');
  process.stdin.on('end', () => {
    database.close();
    process.exit(0);
  });
  process.stdin.resume();
  process.stdout.write('open\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runApplication(process.argv[2] ?? '');
