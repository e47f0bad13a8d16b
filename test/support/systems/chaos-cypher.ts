/** A data directory of Chaos Cypher: two knowledge bases with FTS5 and `vec0`, settings, secrets, a queue. */

import type Database from 'better-sqlite3';
import { randomLike } from '../tree.js';
import { buildDatabase, type DatabaseRecipe } from './databases.js';
import { json, makeDirectory, writeFiles, type BuiltSystem, type Files } from './files.js';

/** What the fixture has that tests count. */
export interface BuiltChaosCypher extends BuiltSystem {
  /** Names of the knowledge bases; the first is the current one. */
  readonly knowledgeBases: readonly string[];
  /** In each: chunks, which FTS5 finds by {@link WORD_OF_ALL} and `vec0` has a vector of. */
  readonly chunks: number;
  readonly vectorDimensions: number;
  /** Tasks in the queue's log. */
  readonly queued: number;
}

/** In every chunk; `chunk5` is in the sixth alone. */
export const WORD_OF_ALL = 'archive';
export const VECTOR_DIMENSIONS = 8;

const CHUNKS = 60;
const CHUNKS_IN_LOG = 3;
const QUEUED = 2;
const KNOWLEDGE_BASES = ['default', 'research'] as const;

/** Builds `root`; the queue holds tasks with `filled`, and none with `drained`. */
export function buildChaosCypher(root: string, queue: 'filled' | 'drained' = 'drained'): BuiltChaosCypher {
  makeDirectory(root, '.');
  const databases = KNOWLEDGE_BASES.flatMap((name, n) => {
    const at = `databases/${name}`;
    return [
      buildDatabase(root, `${at}/app.db`, {
        ...knowledgeBase(n * 1000, CHUNKS - CHUNKS_IN_LOG),
        later: (db) => addChunks(db, n * 1000 + CHUNKS - CHUNKS_IN_LOG, CHUNKS_IN_LOG),
      }),
      buildDatabase(root, `${at}/app.db.pre_restore`, { ...knowledgeBase(n * 1000, 4), journal: 'delete' }),
    ];
  });
  // As VACUUM INTO leaves it: a database like any other.
  buildDatabase(root, OWN_BACKUP, { ...knowledgeBase(0, 9), journal: 'delete' });
  const never = [OWN_BACKUP, ...writeFiles(root, NEVER), ...writeFiles(root, QUEUES[queue])];
  const kept = writeFiles(root, KEPT);
  const secret = [
    ...writeFiles(root, CONFIGURATION, { mode: 0o600 }),
    ...writeFiles(root, SECRETS, { mode: 0o640, directoryMode: 0o750 }),
  ];
  return {
    root,
    databases,
    kept,
    secret,
    optional: [],
    never,
    knowledgeBases: KNOWLEDGE_BASES,
    chunks: CHUNKS,
    vectorDimensions: VECTOR_DIMENSIONS,
    queued: queue === 'filled' ? QUEUED : 0,
  };
}

/** A knowledge base with so many chunks, numbered from `first`; schema revision 0042. */
export function knowledgeBase(first: number, chunks: number): DatabaseRecipe {
  return {
    journal: 'wal',
    fill: (db) => {
      db.exec(SCHEMA);
      db.prepare('INSERT INTO chaoscypher_upgrade_state VALUES (1, 1, NULL, NULL, NULL, ?, 0)').run('0042');
      db.prepare('INSERT INTO alembic_version VALUES (?)').run('0042');
      addChunks(db, first, chunks);
    },
  };
}

/** Row ids have gaps, as after deletions: the full text refers to rows by them although the key is a text. */
function addChunks(db: Database.Database, first: number, count: number): number {
  const chunk = db.prepare('INSERT INTO chunks (rowid, id, source_id, content) VALUES (?, ?, ?, ?)');
  const text = db.prepare('INSERT INTO chunks_fts (rowid, content) VALUES (?, ?)');
  const vector = db.prepare('INSERT INTO chunk_vectors (chunk_id, embedding) VALUES (?, ?)');
  for (let n = first; n < first + count; n += 1) {
    const content = `chunk${n} of the ${WORD_OF_ALL}`;
    chunk.run(n * 3 + 1, `c-${n}`, 'src-1', content);
    text.run(n * 3 + 1, content);
    vector.run(`c-${n}`, vectorOf(n));
  }
  return count;
}

/** The vector of a chunk: nearest to itself. */
export function vectorOf(n: number): Buffer {
  const values = Float32Array.from({ length: VECTOR_DIMENSIONS }, (_, i) => Math.sin(n * 7 + i * i));
  return Buffer.from(values.buffer);
}

/** Chunks whose text matches, by FTS5. */
export function findChunks(db: Database.Database, word: string): unknown[] {
  return db
    .prepare(
      'SELECT c.id FROM chunks_fts f JOIN chunks c ON c.rowid = f.rowid WHERE chunks_fts MATCH ? ORDER BY c.rowid',
    )
    .pluck()
    .all(word);
}

/** Ids of the chunks nearest to a vector, by `vec0`. */
export function nearestChunks(db: Database.Database, vector: Buffer, count: number): unknown[] {
  return db
    .prepare('SELECT chunk_id FROM chunk_vectors WHERE embedding MATCH ? AND k = ? ORDER BY distance')
    .pluck()
    .all(vector, count);
}

const SCHEMA = `
  CREATE TABLE chunks (id TEXT PRIMARY KEY, source_id TEXT, content TEXT);
  CREATE VIRTUAL TABLE chunks_fts USING fts5(content, content='chunks', content_rowid='rowid');
  CREATE VIRTUAL TABLE chunk_vectors USING vec0(chunk_id TEXT PRIMARY KEY, embedding float[${VECTOR_DIMENSIONS}]);
  CREATE TABLE alembic_version (version_num TEXT NOT NULL);
  CREATE TABLE chaoscypher_upgrade_state (
    id INTEGER PRIMARY KEY, ready INTEGER, blocked_on TEXT, last_backup TEXT, message TEXT, last_applied TEXT,
    data_changing INTEGER)`;

const OWN_BACKUP = 'backups/default/app_20260601_143022.db';

const KEPT: Files = {
  'databases/default/sources/src-1/report.pdf': randomLike(50_000, 40),
  'databases/default/images/src-1/page-1.png': randomLike(20_000, 41),
  'databases/default/imports/graph.json': json({ nodes: [] }),
  'sources/src-1/original.txt': 'The text that citations point into.\n',
  'plugins/loaders/mbox.py': 'def load(path):\n    return []\n',
  'plugins/presets/letters.yaml': 'name: letters\n',
  'mcp/inbox/note.md': 'from a tool\n',
};

const CONFIGURATION: Files = {
  'settings.yaml':
    'current_database: default\nllm:\n  openai_api_key: sk-not-a-real-key\nbackup:\n  enabled: true\n',
  'credentials.json': json({
    user: { username: 'admin', password_hash: `$2b$12$${'a'.repeat(53)}` },
    api_keys: [
      {
        id: 'k1',
        name: 'cron',
        hash: `$2b$12$${'b'.repeat(53)}`,
        created_at: '2026-06-01T00:00:00Z',
        last_used_at: null,
      },
    ],
    session_epoch: 3,
  }),
};

const SECRETS: Files = {
  'secrets/session_secret': randomLike(32, 42),
  'secrets/queue_password': 'not-a-real-password',
  'secrets/edge_auth_token': 'not-a-real-token',
  'secrets/supervisor_password': 'not-a-real-password',
  'secrets/tls/server.crt': '-----BEGIN CERTIFICATE-----\n',
  'secrets/tls/server.key': '-----BEGIN PRIVATE KEY-----\n',
};

const NEVER: Files = {
  'databases/default/.init.lock': '',
  'databases/default/app.db.upgrade.lock': '',
  'databases/default/app.db.schema.lock': '',
  'backups/.scheduler.lock': '',
  'models/embeddings/weights.bin': randomLike(30_000, 43),
  'cache/rerankers/weights.bin': randomLike(10_000, 44),
  'logs/cortex.log': 'started\n',
};

const TASKS = Array.from({ length: QUEUED }, (_, n) =>
  command('RPUSH', 'chaoscypher:queue', `{"task":${n}}`),
);
const AOF = 'queue/appendonlydir/appendonly.aof';

const QUEUES: Readonly<Record<'filled' | 'drained', Files>> = {
  filled: queueFiles([command('SELECT', '0'), ...TASKS].join('')),
  drained: queueFiles(''),
};

/** Valkey's append-only files: a manifest, an empty base and the commands since. */
function queueFiles(commands: string): Files {
  return {
    [`${AOF}.manifest`]:
      'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
    // A header, the end mark and a checksum of zero, which says that there is none.
    [`${AOF}.1.base.rdb`]: Buffer.concat([Buffer.from('REDIS0011\xff', 'latin1'), Buffer.alloc(8)]),
    [`${AOF}.1.incr.aof`]: commands,
  };
}

function command(...words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join('')}`;
}
