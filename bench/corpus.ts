/** The corpora: seeded, so that every run and every machine measures the same bytes. */

import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** A seeded generator of numbers and bytes (xorshift128, Marsaglia 2003). */
export class Seeded {
  readonly #state: Uint32Array;

  constructor(seed: string) {
    const hash = createHash('sha256').update(seed).digest();
    this.#state = new Uint32Array(hash.buffer.slice(hash.byteOffset, hash.byteOffset + 16));
  }

  /** An integer from 0 to `limit` − 1. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  /** Bytes that do not compress. */
  bytes(length: number): Buffer {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i += 1) words[i] = this.#next();
    return Buffer.from(words.buffer, 0, length);
  }

  /** English-like text of about `length` characters. */
  text(length: number): string {
    let text = '';
    while (text.length < length) text += `${WORDS[this.below(WORDS.length)] ?? ''} `;
    return text;
  }

  #next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const t = a ^ (a << 11);
    const word = (d ^ (d >>> 19) ^ (t ^ (t >>> 8))) >>> 0;
    this.#state.set([b, c, d, word]);
    return word;
  }
}

const WORDS = Array.from({ length: 2000 }, (_, i) => {
  const hash = createHash('sha256').update(`word ${i}`).digest('hex');
  return hash.replace(/[0-9]/g, (digit) => 'etaoinshrd'[Number(digit)] ?? 'e').slice(0, 2 + (i % 9));
});

/** Amounts of the state corpus at scale 1: 1.5 GB. */
const STATE = { rows: 200_000, uploads: 512 * 1024 * 1024, notes: 20_000 };

/**
 * Makes the state corpus: a WAL database of chat text with random embeddings and an index, incompressible uploads of
 * 64 KiB to 16 MiB, Markdown notes of 0.2 to 8 KiB.
 *
 * @param scale - 1 is 1.5 GB.
 */
export function makeState(directory: string, scale: number): void {
  const random = new Seeded('state');
  mkdirSync(join(directory, 'uploads'), { recursive: true });
  const database = new Database(join(directory, 'state.db'));
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE messages (id INTEGER PRIMARY KEY, chat INTEGER, text TEXT, embedding BLOB)');
  insertMessages(database, random, Math.round(STATE.rows * scale));
  database.exec('CREATE INDEX by_chat ON messages (chat, id)');
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
  for (let left = STATE.uploads * scale, i = 0; left > 0; i += 1)
    left -= writeUpload(directory, random, `upload-${i}`);
  for (let i = 0; i < STATE.notes * scale; i += 1) writeNote(directory, random, i);
}

/** state+1: 1 % of the rows updated at random places, 1 % appended, 50 uploads and 200 notes added, 100 notes changed. */
export function changeState(directory: string, scale: number): void {
  const random = new Seeded('state+1');
  const database = new Database(join(directory, 'state.db'));
  const rows = Math.round(STATE.rows * scale);
  const update = database.prepare('UPDATE messages SET text = ? WHERE id = ?');
  database.transaction(() => {
    for (let i = 0; i < rows / 100; i += 1) update.run(random.text(400), 1 + random.below(rows));
  })();
  insertMessages(database, random, Math.round(rows / 100));
  database.close();
  for (let i = 0; i < 50 * scale; i += 1) writeUpload(directory, random, `new-${i}`);
  const notes = STATE.notes * scale;
  for (let i = 0; i < 200 * scale; i += 1) writeNote(directory, random, notes + i);
  for (let i = 0; i < 100 * scale; i += 1) {
    const name = random.below(notes);
    appendFileSync(notePath(directory, name), random.text(100));
  }
}

function insertMessages(database: Database.Database, random: Seeded, rows: number): void {
  const insert = database.prepare('INSERT INTO messages (chat, text, embedding) VALUES (?, ?, ?)');
  database.transaction(() => {
    for (let i = 0; i < rows; i += 1)
      insert.run(random.below(500), random.text(200 + random.below(800)), random.bytes(3072));
  })();
}

function writeUpload(directory: string, random: Seeded, name: string): number {
  // Sizes spread over the powers of two between 64 KiB and 16 MiB, as uploads do.
  const size = 65_536 * 2 ** random.below(8) + random.below(65_536);
  writeFileSync(join(directory, 'uploads', name), random.bytes(size));
  return size;
}

function notePath(directory: string, number: number): string {
  return join(directory, 'notes', String(number % 200), `${number}.md`);
}

function writeNote(directory: string, random: Seeded, number: number): void {
  const path = notePath(directory, number);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `# Note ${number}\n\n${random.text(200 + random.below(7800))}\n`);
}
