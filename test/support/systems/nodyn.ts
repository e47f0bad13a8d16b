/** `~/.nodyn` as of 2026-03-25: three databases with their logs left behind, a knowledge graph, memory, sessions. */

import { chmodSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { randomLike } from '../tree.js';
import { buildDatabase } from './databases.js';
import { json, makeDirectory, writeFiles, type BuiltSystem, type Files } from './files.js';
import { ColumnCipher, fillVault, LYNOX_VAULT_KEY, type Era } from './lynox-secrets.js';

/** What the fixture has that tests count. */
export interface BuiltNodyn extends BuiltSystem {
  readonly vaultKey: string;
  /** Values of `history.db` that are encrypted, and that are not: both occur together. */
  readonly encryptedValues: number;
  readonly plainValues: number;
  /** Secrets in `vault.db`; this is one of them. */
  readonly vaultSecrets: number;
  readonly oneSecret: { readonly name: string; readonly value: string };
  /** Files of the knowledge graph. */
  readonly graph: readonly string[];
}

export const ONE_SECRET = { name: 'github_token', value: 'ghp_not-a-real-token' } as const;
const VAULT = { [ONE_SECRET.name]: ONE_SECRET.value, openai: 'sk-not-a-real-key' } as const;
const RUNS = 40;
const RUNS_IN_LOG = 5;

/**
 * Builds `root`.
 *
 * @param graph - `file` is what LadybugDB 0.15 makes and nodyn's own backup left out (N-1), `directory` what its
 *   documentation says.
 */
export function buildNodyn(root: string, graph: 'file' | 'directory' = 'file'): BuiltNodyn {
  makeDirectory(root, '.', 0o700);
  const databases = [
    buildHistory(root, 'nodyn'),
    buildDatabase(root, 'vault.db', { journal: 'wal', mode: 0o600, fill: (db) => fillVault(db, VAULT) }),
    buildDatabase(root, 'datastore.db', { journal: 'wal', fill: fillDatastore, later: addToDatastore }),
  ];
  const graphFiles = GRAPHS[graph];
  const kept = [
    ...writeFiles(root, KEPT, { directoryMode: 0o700 }),
    ...writeFiles(root, graphFiles, { directoryMode: 0o700 }),
  ];
  const secret = writeFiles(root, SECRET, { mode: 0o600 });
  const never = writeFiles(root, OWN_BACKUP, { mode: 0o600, directoryMode: 0o700 });
  chmodSync(root, 0o700);
  return {
    root,
    databases,
    kept,
    secret,
    optional: writeFiles(root, { '.last_version': '1.0.0' }),
    never,
    vaultKey: LYNOX_VAULT_KEY,
    encryptedValues: RUNS + RUNS_IN_LOG,
    plainValues: RUNS + RUNS_IN_LOG,
    vaultSecrets: Object.keys(VAULT).length,
    oneSecret: ONE_SECRET,
    graph: Object.keys(graphFiles),
  };
}

/** `history.db` of either era: each run has its task encrypted and its status in the clear. */
export function buildHistory(root: string, era: Era) {
  const cipher = new ColumnCipher(era, 'history', LYNOX_VAULT_KEY);
  const add = (db: Database.Database, from: number, count: number): number => {
    const insert = db.prepare('INSERT INTO runs VALUES (?, ?, ?)');
    for (let n = from; n < from + count; n += 1) insert.run(`run-${n}`, cipher.seal(taskOf(n)), 'done');
    return count;
  };
  return buildDatabase(root, 'history.db', {
    journal: 'wal',
    fill: (db) => {
      db.exec('CREATE TABLE runs (id TEXT PRIMARY KEY, task_text TEXT, status TEXT)');
      add(db, 0, RUNS);
    },
    later: (db) => add(db, RUNS, RUNS_IN_LOG),
  });
}

/** The task of the `n`th run in the clear. */
export function taskOf(n: number): string {
  return `Summarise the letters of week ${n}`;
}

export function fillDatastore(db: Database.Database): void {
  db.exec('CREATE TABLE ds_contacts (id INTEGER PRIMARY KEY, name TEXT, note TEXT)');
  const insert = db.prepare('INSERT INTO ds_contacts (name, note) VALUES (?, ?)');
  for (let n = 0; n < 200; n += 1) insert.run(`Contact ${n}`, 'x'.repeat(n % 90));
}

export function addToDatastore(db: Database.Database): number {
  return db.prepare("INSERT INTO ds_contacts (name, note) VALUES ('Late', 'only in the log')").run().changes;
}

export const MEMORY: Files = {
  'memory/global/knowledge.txt': 'The office closes at six.\n',
  'memory/organization/methods.txt': 'Invoices go out on Mondays.\n',
  'memory/3f9a1c/manifest.json': json({ projectId: '3f9a1c', root: '/srv/project' }),
  'memory/3f9a1c/status.txt': '',
};

const KEPT: Files = {
  ...MEMORY,
  'sessions/8b7d.json': json({ id: '8b7d', messages: [{ role: 'user', content: 'hello' }] }),
  'config.json': json({ api_key: 'sk-ant-not-a-real-key', backup_retention_days: 30 }),
  history: '/backup\nhello\n',
  'aliases.json': json({ s: 'summarise' }),
  'notes-of-a-plugin.txt': 'no table of nodyn names this file\n',
};

const GRAPHS: Readonly<Record<'file' | 'directory', Files>> = {
  file: {
    'knowledge-graph': Buffer.concat([Buffer.from('LBUG'), randomLike(49_148, 15)]),
    'knowledge-graph.wal': randomLike(900, 16),
    'knowledge-graph.shadow': randomLike(4096, 17),
  },
  directory: {
    'knowledge-graph/catalog.kz': randomLike(4096, 18),
    'knowledge-graph/data.kz': randomLike(40_000, 19),
    'knowledge-graph/.wal': randomLike(700, 20),
  },
};

const SECRET: Files = {
  '.env': `# written by the wizard\nNODYN_VAULT_KEY=${LYNOX_VAULT_KEY}\n`,
  'secrets.json': json({ stripe: 'sk_live_not-a-real-key' }),
};

const OWN_BACKUP: Files = {
  'backups/2026-03-24T03000041Z/manifest.json': json({ version: '1.0.0', encrypted: true, files: [] }),
  'backups/2026-03-24T03000041Z/history.db': Buffer.concat([Buffer.from('NBAK\x01'), randomLike(5000, 21)]),
  'backups/2026-03-25T03000012Z.tmp/history.db': randomLike(3000, 22),
};
