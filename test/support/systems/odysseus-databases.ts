/** Odysseus' databases, with the columns of its models that hold tokens and those that look like they should. */

import type Database from 'better-sqlite3';
import { randomLike } from '../tree.js';
import type { TokenMaker } from './odysseus-tokens.js';

/** Messages in `app.db`, each findable by full text. */
export const MESSAGES = 120;

/** Fills `app.db`. */
export function fillApp(db: Database.Database, tokens: TokenMaker): void {
  db.exec(APP_SCHEMA);
  db.prepare('INSERT INTO sessions (id, name, owner, headers) VALUES (?, ?, ?, ?)').run(
    's1',
    'First',
    'ada',
    '{"Authorization":"Bearer not-a-real-token"}',
  );
  const message = db.prepare('INSERT INTO chat_messages VALUES (?, ?, ?, ?)');
  for (let n = 0; n < MESSAGES; n += 1) message.run(`m${n}`, 's1', 'user', `message${n} about the garden`);
  fillTokens(db, tokens);
  db.prepare('INSERT INTO webhooks VALUES (?, ?)').run('w1', 'plain-although-a-secret');
  db.prepare('INSERT INTO scheduled_tasks VALUES (?, ?)').run('t1', 'plain-although-a-secret');
}

function fillTokens(db: Database.Database, tokens: TokenMaker): void {
  const place = (column: string): string => `app.db ${column}`;
  const endpoint = db.prepare('INSERT INTO model_endpoints VALUES (?, ?, ?)');
  endpoint.run('e1', 'OpenRouter', tokens.live(place('model_endpoints.api_key')));
  endpoint.run('e2', 'Local', null);
  endpoint.run('e3', 'From an older version', tokens.plain(place('model_endpoints.api_key')));
  db.prepare('INSERT INTO provider_auth_sessions VALUES (?, ?, ?)').run(
    'p1',
    tokens.live(place('provider_auth_sessions.access_token')),
    tokens.live(place('provider_auth_sessions.refresh_token')),
  );
  const oauth = JSON.stringify({ tokens: { access_token: 'a'.repeat(900) }, client_info: {} });
  db.prepare('INSERT INTO mcp_servers VALUES (?, ?, ?)').run(
    'x1',
    '{"API_KEY":"plain"}',
    tokens.live(place('mcp_servers.oauth_tokens'), oauth),
  );
  db.prepare('INSERT INTO signatures VALUES (?, ?, ?)').run(
    'g1',
    tokens.live(place('signatures.data_png'), randomLike(6000, 70).toString('base64')),
    tokens.live(place('signatures.svg'), '<svg/>'),
  );
  const account = db.prepare('INSERT INTO email_accounts VALUES (?, ?, ?, ?, ?, ?)');
  const mail = (column: string): string => place(`email_accounts.${column}`);
  account.run(
    'a1',
    'ada',
    tokens.live(mail('imap_password')),
    tokens.live(mail('smtp_password')),
    null,
    null,
  );
  account.run(
    'a2',
    'ben',
    '',
    '',
    tokens.live(mail('oauth_access_token')),
    tokens.live(mail('oauth_refresh_token')),
  );
  account.run(
    'a3',
    'ben',
    tokens.dead(mail('imap_password')),
    tokens.dead(mail('smtp_password')),
    null,
    null,
  );
}

/** Fills `scheduled_emails.db`. */
export function fillScheduled(db: Database.Database): void {
  db.exec('CREATE TABLE scheduled_emails (id TEXT PRIMARY KEY, send_at TEXT, body TEXT)');
  db.prepare('INSERT INTO scheduled_emails VALUES (?, ?, ?)').run('d1', '2026-12-01T08:00:00', 'Dear Grace');
}

/** Fills `email_cache.db`. */
export function fillEmailCache(db: Database.Database): void {
  db.exec('CREATE TABLE messages (uid INTEGER PRIMARY KEY, subject TEXT, raw BLOB)');
  const insert = db.prepare('INSERT INTO messages (subject, raw) VALUES (?, ?)');
  for (let n = 0; n < 20; n += 1) insert.run(`Subject ${n}`, randomLike(2000, 71 + n));
}

/** Fills Chroma's metadata. */
export function fillChroma(db: Database.Database): void {
  db.exec(`CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT, dimension INTEGER);
    CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT, scope TEXT, collection TEXT);
    CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, id TEXT, vector BLOB)`);
  db.prepare('INSERT INTO collections VALUES (?, ?, ?)').run('col-1', 'memories', 8);
  const insert = db.prepare('INSERT INTO embeddings_queue (id, vector) VALUES (?, ?)');
  for (let n = 0; n < 50; n += 1) insert.run(`v${n}`, randomLike(32, 100 + n));
}

const APP_SCHEMA = `
  CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT, headers JSON);
  CREATE TABLE chat_messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT NOT NULL, content TEXT NOT NULL);
  CREATE VIRTUAL TABLE chat_messages_fts USING fts5(content, message_id UNINDEXED, session_id UNINDEXED, role UNINDEXED);
  CREATE TRIGGER chat_messages_fts_ai AFTER INSERT ON chat_messages BEGIN
    INSERT INTO chat_messages_fts (content, message_id, session_id, role)
    VALUES (new.content, new.id, new.session_id, new.role);
  END;
  CREATE TABLE model_endpoints (id TEXT PRIMARY KEY, name TEXT NOT NULL, api_key TEXT);
  CREATE TABLE provider_auth_sessions (id TEXT PRIMARY KEY, access_token TEXT, refresh_token TEXT);
  CREATE TABLE mcp_servers (id TEXT PRIMARY KEY, env TEXT, oauth_tokens TEXT);
  CREATE TABLE signatures (id TEXT PRIMARY KEY, data_png TEXT NOT NULL, svg TEXT);
  CREATE TABLE email_accounts (
    id TEXT PRIMARY KEY, owner TEXT, imap_password TEXT DEFAULT '', smtp_password TEXT DEFAULT '',
    oauth_access_token TEXT, oauth_refresh_token TEXT);
  CREATE TABLE webhooks (id TEXT PRIMARY KEY, secret TEXT);
  CREATE TABLE scheduled_tasks (id TEXT PRIMARY KEY, webhook_token TEXT UNIQUE)`;
