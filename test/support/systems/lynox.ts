/** `~/.lynox` as of 2.14: seven databases with logs left behind, declared files, and those nobody declared. */

import { chmodSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { randomLike } from '../tree.js';
import { buildDatabase } from './databases.js';
import { json, makeDirectory, writeFiles, type BuiltSystem, type Files } from './files.js';
import { ColumnCipher, fillVault, LYNOX_VAULT_KEY } from './lynox-secrets.js';
import { addToDatastore, buildHistory, fillDatastore, MEMORY, ONE_SECRET } from './nodyn.js';

/** What the fixture has that tests count. */
export interface BuiltLynox extends BuiltSystem {
  readonly vaultKey: string;
  /** The file that holds nothing but the vault key. */
  readonly vaultKeyFile: string;
  /** Kept files that no table of lynox names. */
  readonly undeclared: readonly string[];
  readonly oneSecret: { readonly name: string; readonly value: string };
  /** Rows of `engine.db`'s merge ledger, all encrypted. */
  readonly ledgerRows: number;
}

const LEDGER_ROWS = 12;

/** Builds `root`. */
export function buildLynox(root: string): BuiltLynox {
  makeDirectory(root, '.', 0o700);
  const databases = [
    buildDatabase(root, 'engine.db', { journal: 'wal', fill: fillEngine, later: addToEngine }),
    buildHistory(root, 'lynox'),
    buildDatabase(root, 'datastore.db', { journal: 'wal', fill: fillDatastore, later: addToDatastore }),
    buildDatabase(root, 'agent-memory.db', { journal: 'wal', fill: fillMemories }),
    buildDatabase(root, 'mail-state.db', { journal: 'wal', fill: fillMail, later: addToMail }),
    buildDatabase(root, 'vault.db', {
      journal: 'wal',
      mode: 0o600,
      fill: (db) => fillVault(db, { [ONE_SECRET.name]: ONE_SECRET.value }),
    }),
    buildDatabase(root, 'push-subscriptions.db', { journal: 'wal', fill: fillPush }),
  ];
  const undeclared = writeFiles(root, UNDECLARED);
  const kept = [...writeFiles(root, KEPT, { directoryMode: 0o700 }), ...undeclared];
  const secret = writeFiles(root, SECRET, { mode: 0o600 });
  const optional = writeFiles(root, OPTIONAL);
  const never = writeFiles(root, OWN_BACKUP, { mode: 0o600, directoryMode: 0o700 });
  chmodSync(root, 0o700);
  return {
    root,
    databases,
    kept,
    secret,
    optional,
    never,
    vaultKey: LYNOX_VAULT_KEY,
    vaultKeyFile: 'vault.key',
    undeclared,
    oneSecret: ONE_SECRET,
    ledgerRows: LEDGER_ROWS,
  };
}

function fillEngine(db: Database.Database): void {
  db.exec(
    'CREATE TABLE subjects (id TEXT PRIMARY KEY, name TEXT); CREATE TABLE ledger (id INTEGER PRIMARY KEY, entry TEXT)',
  );
  const cipher = new ColumnCipher('lynox', 'engine', LYNOX_VAULT_KEY);
  const insert = db.prepare('INSERT INTO ledger (entry) VALUES (?)');
  for (let n = 0; n < LEDGER_ROWS; n += 1) insert.run(cipher.seal(`merged subject ${n}`));
}

function addToEngine(db: Database.Database): number {
  return db.prepare("INSERT INTO subjects VALUES ('s-1', 'only in the log')").run().changes;
}

function fillMemories(db: Database.Database): void {
  db.exec('CREATE TABLE memories (id TEXT PRIMARY KEY, text TEXT, embedding BLOB)');
  const insert = db.prepare('INSERT INTO memories VALUES (?, ?, ?)');
  for (let n = 0; n < 30; n += 1) insert.run(`m-${n}`, `Fact ${n}`, randomLike(64, n));
}

function fillMail(db: Database.Database): void {
  db.exec('CREATE TABLE cursors (mailbox TEXT PRIMARY KEY, uid INTEGER)');
}

function addToMail(db: Database.Database): number {
  return db.prepare("INSERT INTO cursors VALUES ('me@example.org', 41)").run().changes;
}

function fillPush(db: Database.Database): void {
  db.exec('CREATE TABLE subscriptions (endpoint TEXT PRIMARY KEY, keys TEXT)');
  db.prepare('INSERT INTO subscriptions VALUES (?, ?)').run('https://push.example.org/1', '{}');
}

const KEPT: Files = {
  ...MEMORY,
  'artifacts/index.json': json([{ id: '0badcafe', title: 'Chart' }]),
  'artifacts/0badcafe.html': '<p>newest</p>',
  'artifacts/versions/0badcafe.v1.html': '<p>older</p>',
  'apis/billing.json': json({ base: 'https://billing.example.org' }),
  'workspace/contract.pdf': randomLike(60_000, 30),
  'sweeps/2026-08-20.jsonl': '{"merged":["a@example.org","+49 30 000"]}\n',
  'config.json': json({ provider: 'anthropic', api_key: 'sk-ant-not-a-real-key' }),
};

const UNDECLARED: Files = {
  'retrieval-shadow.jsonl': '{"q":"a"}\n{"q":"b"}\n',
  'capture-telemetry.jsonl.1': '{"old":true}\n',
  'notes-of-a-plugin.txt': 'no table of lynox names this file\n',
  'config.json.bak-2026-08-01': json({ provider: 'openai' }),
};

const SECRET: Files = {
  'vault.key': `${LYNOX_VAULT_KEY}\n`,
  '.env': `LYNOX_VAULT_KEY=${LYNOX_VAULT_KEY}\nLYNOX_HTTP_SECRET=not-a-real-secret\n`,
  '.access-token': randomLike(32, 31).toString('hex'),
  'http-secret': randomLike(32, 32).toString('hex'),
  'secrets.json': json({ stripe: 'sk_live_not-a-real-key' }),
  'vapid-keys.json': json({ publicKey: 'BNot', privateKey: 'not-a-real-key' }),
};

const OPTIONAL: Files = {
  '.last_version': '2.14.2',
  '.tos-accepted-1': '2026-08-01T00:00:00.000Z',
  '.cache-salt': randomLike(16, 33),
  'pricing.json': json({ model: 'x', usd: 3 }),
  'batch-index.json': json({}),
  'plugins/weather/index.js': 'export default {};\n',
  'wire-sink/1.json': json({}),
  'wire-sink-on': '',
};

const OWN_BACKUP: Files = {
  'backups/2026-08-20T03000012Z/manifest.json': json({ version: '2.14.2', encrypted: false, files: [] }),
  'backups/2026-08-20T03000012Z/engine.db': randomLike(5000, 34),
};
