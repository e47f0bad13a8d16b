/** Makes a small state directory as an AI assistant keeps one: databases, notes, uploads, a link, an app key. */

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Fernet, newAppKeyText, parseAppKey } from '../../crypto/fernet.js';
import { nodeCrypto } from '../../crypto/node.js';

/** Where the writer's databases lie. */
export const CHAT = 'data/chat.db';
/** See {@link CHAT}; it also holds the credentials. */
export const MEMORY = 'data/memory.db';
/** The application's Fernet key. */
export const APP_KEY = '.app_key';

/** What the credentials' tokens hold, by name. */
export const CREDENTIALS: ReadonlyMap<string, string> = new Map([
  ['mail', 'correct horse battery staple'],
  ['calendar', 'Zugangsdaten für den Kalender'],
  ['search', 'sk-not-a-real-key-0123456789'],
]);

/** Makes it at `directory`, which must not exist. */
export function makeStateDirectory(directory: string): void {
  for (const name of ['', 'data', 'notes', 'uploads', 'scripts']) mkdirSync(join(directory, name));
  const write = (name: string, content: string | Uint8Array, mode = 0o644): void => {
    writeFileSync(join(directory, name), content);
    chmodSync(join(directory, name), mode);
    // Each file has a time of its own, with a fraction, as files in real life have.
    const time = 1_700_000_000 + (name.length * 7_919_999) / 64;
    utimesSync(join(directory, name), time, time);
  };
  const appKey = newAppKeyText(nodeCrypto);
  makeDatabases(directory, appKey);
  write(APP_KEY, appKey, 0o600);
  for (let day = 1; day <= 12; day += 1) {
    const date = `2026-01-${String(day).padStart(2, '0')}`;
    write(`notes/${date}.md`, `# ${date}\n\n${'Something worth remembering.\n'.repeat(day * 3)}`);
  }
  write('notes/Übersicht – todo.md', '- [ ] back up\n- [x] restore\n');
  symlinkSync('2026-01-12.md', join(directory, 'notes/latest.md'));
  write('uploads/report.pdf', randomBytes(3_000_000));
  write('uploads/photo.jpg', randomBytes(400_000));
  write('uploads/empty.txt', '');
  write('scripts/start.sh', '#!/bin/sh\nexec assistant\n', 0o755);
  chmodSync(join(directory, 'uploads'), 0o750);
}

function makeDatabases(directory: string, appKeyText: string): void {
  const appKey = parseAppKey(appKeyText);
  if (appKey === undefined) throw new RangeError('a new app key can be read');
  const fernet = new Fernet(nodeCrypto, appKey);
  const chat = new Database(join(directory, CHAT));
  chat.pragma('journal_mode = WAL');
  chat.exec('CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT NOT NULL)');
  chat.close();
  const memory = new Database(join(directory, MEMORY));
  memory.pragma('journal_mode = WAL');
  memory.exec('CREATE TABLE memories (message INTEGER PRIMARY KEY, body TEXT NOT NULL)');
  memory.exec('CREATE TABLE credentials (name TEXT PRIMARY KEY, token TEXT NOT NULL)');
  const insert = memory.prepare('INSERT INTO credentials (name, token) VALUES (?, ?)');
  for (const [name, secret] of CREDENTIALS) {
    const stamp = { time: 1_750_000_000n, iv: randomBytes(16) };
    insert.run(name, fernet.seal(Buffer.from(secret), stamp));
  }
  memory.close();
}
