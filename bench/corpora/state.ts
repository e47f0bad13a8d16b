/** The state of an assistant: a database, uploads and notes; 1.5 GB at scale 1. */

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { CorpusPlan } from './corpus.js';
import { Seeded } from './seeded.js';
import { text } from './text.js';

const ROWS = 180_000;
const EMBEDDING_BYTES = 3072;
const UPLOAD_BYTES = 512 * 1024 * 1024;
const LEAST_UPLOAD = 64 * 1024;
const NOTES = 20_000;
const NOTE_DIRECTORIES = 200;

/** What changes between two backups. */
export interface StateChange {
  readonly seed: string;
  readonly updatedRows: number;
  readonly addedRows: number;
  readonly addedUploads: number;
  readonly addedNotes: number;
  readonly changedNotes: number;
}

/** state → state+1, at `scale`: 1 % of the rows updated at random places, 1 % appended, uploads and notes. */
export function statePlusOne(scale: number): StateChange {
  const rows = Math.ceil((ROWS * scale) / 100);
  return {
    seed: 'state+1',
    updatedRows: rows,
    addedRows: rows,
    addedUploads: Math.ceil(50 * scale),
    addedNotes: Math.ceil(200 * scale),
    changedNotes: Math.ceil(100 * scale),
  };
}

/** A day in a state that grows slowly: mostly rows and notes that change. */
export function growth(scale: number, step: number): StateChange {
  const plus = statePlusOne(scale);
  return { ...plus, seed: `growth ${step}`, addedUploads: Math.ceil(5 * scale) };
}

/** The state corpus at `scale`. */
export function statePlan(scale: number): CorpusPlan {
  const notes = Math.round(NOTES * scale);
  return {
    name: 'state',
    make(directory) {
      const random = new Seeded('state');
      mkdirSync(join(directory, 'uploads'), { recursive: true });
      const database = new Database(join(directory, 'state.db'));
      database.pragma('journal_mode = WAL');
      database.exec(
        'CREATE TABLE messages (id INTEGER PRIMARY KEY, chat INTEGER, text TEXT, embedding BLOB)',
      );
      insertMessages(database, random, Math.round(ROWS * scale));
      database.exec('CREATE INDEX by_chat ON messages (chat, id)');
      database.pragma('wal_checkpoint(TRUNCATE)');
      database.close();
      for (let left = UPLOAD_BYTES * scale, i = 0; left > 0; i += 1)
        left -= writeUpload(directory, random, `upload-${i}`);
      for (let i = 0; i < notes; i += 1) writeNote(directory, random, `note-${i}`);
    },
    expected: {
      // About 180 uploads at scale 1; state+1 has more of everything.
      files: [notes + 1, notes + 250 + 400 * scale],
      bytes: [1.3e9 * scale, 1.7e9 * scale + 40e6],
    },
  };
}

/** Changes a state corpus in place. */
export function changeState(directory: string, change: StateChange): void {
  const random = new Seeded(change.seed);
  const database = new Database(join(directory, 'state.db'));
  const rows = database.prepare<[], number>('SELECT max(id) FROM messages').pluck().get() ?? 0;
  const update = database.prepare('UPDATE messages SET text = ? WHERE id = ?');
  database.transaction(() => {
    for (let i = 0; i < change.updatedRows; i += 1) update.run(messageText(random), 1 + random.below(rows));
  })();
  insertMessages(database, random, change.addedRows);
  database.close();
  for (let i = 0; i < change.addedUploads; i += 1) writeUpload(directory, random, `${change.seed} ${i}`);
  for (let i = 0; i < change.addedNotes; i += 1) writeNote(directory, random, `${change.seed} ${i}`);
  for (let i = 0; i < change.changedNotes; i += 1)
    appendFileSync(notePath(directory, `note-${i * 7}`), text(random, 100));
}

function insertMessages(database: Database.Database, random: Seeded, rows: number): void {
  const insert = database.prepare('INSERT INTO messages (chat, text, embedding) VALUES (?, ?, ?)');
  database.transaction(() => {
    for (let i = 0; i < rows; i += 1)
      insert.run(random.below(500), messageText(random), random.bytes(EMBEDDING_BYTES));
  })();
}

function messageText(random: Seeded): string {
  return text(random, 100 + random.below(2600));
}

/** Sizes are spread evenly over the powers of two from 64 KiB to 16 MiB. */
function writeUpload(directory: string, random: Seeded, name: string): number {
  const size = Math.floor(LEAST_UPLOAD * 256 ** (random.below(10_000) / 10_000));
  writeFileSync(join(directory, 'uploads', name), random.bytes(size));
  return size;
}

function writeNote(directory: string, random: Seeded, name: string): void {
  const path = notePath(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  const title = text(random, 10 + random.below(50));
  writeFileSync(path, `# ${title}\n\n${text(random, 200 + random.below(7900))}\n`);
}

function notePath(directory: string, name: string): string {
  const number = Number(/\d+$/.exec(name)?.[0] ?? 0);
  return join(directory, 'notes', String(number % NOTE_DIRECTORIES), `${name}.md`);
}
