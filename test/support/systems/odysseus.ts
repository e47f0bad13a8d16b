/** Odysseus' `data/`: its databases with rollback journals, Fernet keys and tokens in all their places, documents. */

import { randomLike } from '../tree.js';
import { buildDatabase } from './databases.js';
import { json, makeDirectory, writeFiles, type BuiltSystem, type Files } from './files.js';
import { fillApp, fillChroma, fillEmailCache, fillScheduled, MESSAGES } from './odysseus-databases.js';
import {
  TokenMaker,
  TOKEN_OF_THE_SPECIFICATION,
  KEY_OF_THE_SPECIFICATION,
  type PlaceCount,
} from './odysseus-tokens.js';

/** What the fixture has that tests count. */
export interface BuiltOdysseus extends BuiltSystem {
  /** `.app_key`: the text, 44 characters. */
  readonly appKey: string;
  /** `.key`, of the older store: the key of the Fernet specification's vectors. */
  readonly oldKey: string;
  /** Tokens under `.app_key`, by place: `app.db model_endpoints.api_key`, `settings.json carddav_password` … */
  readonly places: Readonly<Record<string, PlaceCount>>;
  /** Tokens in `api_keys.json`, without a prefix; one is the specification's own, made by another program. */
  readonly oldTokens: number;
  readonly users: readonly string[];
  readonly messages: number;
}

/** Builds `root`, which is the data directory. */
export function buildOdysseus(root: string): BuiltOdysseus {
  makeDirectory(root, '.');
  const tokens = new TokenMaker();
  const databases = [
    buildDatabase(root, 'app.db', { journal: 'delete', fill: (db) => fillApp(db, tokens) }),
    buildDatabase(root, 'scheduled_emails.db', { journal: 'delete', fill: fillScheduled }),
    buildDatabase(root, 'email_cache.db', { journal: 'delete', fill: fillEmailCache }),
    // No name of a database: by its header alone is it known for one.
    buildDatabase(root, 'chroma/chroma.sqlite3', { journal: 'delete', fill: fillChroma }),
  ];
  const kept = [
    ...writeFiles(root, KEPT),
    ...writeFiles(root, {
      'settings.json': json({
        brave_api_key: 'BSA-not-a-real-key',
        carddav_url: 'https://dav.example.org/',
        carddav_password: tokens.live('settings.json carddav_password'),
      }),
    }),
  ];
  const secret = [
    ...writeFiles(root, { '.app_key': tokens.key, '.key': KEY_OF_THE_SPECIFICATION }, { mode: 0o600 }),
    ...writeFiles(root, SECRET, { mode: 0o600 }),
    ...writeFiles(root, tokenFiles(tokens), { mode: 0o600 }),
  ];
  return {
    root,
    databases,
    kept,
    secret,
    optional: writeFiles(root, OPTIONAL),
    never: [],
    appKey: tokens.key,
    oldKey: KEY_OF_THE_SPECIFICATION,
    places: tokens.places,
    oldTokens: 1,
    users: ['ada', 'ben'],
    messages: MESSAGES,
  };
}

/** The JSON files that hold tokens beside plain values, which every reader lets pass. */
function tokenFiles(tokens: TokenMaker): Files {
  const [accounts, legacy] = ['user_prefs.json caldav_accounts', 'user_prefs.json caldav'];
  return {
    'integrations.json': json([
      { id: 'a1', name: 'Miniflux', api_key: tokens.live('integrations.json api_key') },
      { id: 'a2', name: 'Gitea', api_key: tokens.live('integrations.json api_key') },
      { id: 'a3', name: 'From an older version', api_key: tokens.plain('integrations.json api_key') },
      { id: 'a4', name: 'ntfy', api_key: '' },
    ]),
    'user_prefs.json': json({
      _users: {
        ada: {
          theme: 'dark',
          caldav_accounts: [
            { id: 'c1', url: 'https://dav.example.org/', username: 'ada', password: tokens.live(accounts) },
            { id: 'c2', url: 'https://lost.example.org/', username: 'ada', password: tokens.dead(accounts) },
          ],
        },
        ben: { caldav: { url: 'https://dav.example.org/', username: 'ben', password: tokens.live(legacy) } },
      },
    }),
    'embedding_endpoint.json': json({
      url: 'https://embed.example.org/v1',
      api_key: tokens.live('embedding_endpoint.json api_key'),
    }),
    'api_keys.json': JSON.stringify({ openai: TOKEN_OF_THE_SPECIFICATION }),
  };
}

const KEPT: Files = {
  'memory.json': json([
    { id: 'm1', text: 'Ada prefers tea', owner: 'ada' },
    { id: 'm2', text: 'Ben is away', owner: 'ben' },
  ]),
  'memory_doc.md': '# What I know\n',
  'features.json': json({ research: true }),
  'presets.json': json({ letter: { temperature: 0.2 } }),
  'contacts.json': json({
    contacts: [{ uid: 'u1', name: 'Grace', emails: ['grace@example.org'], phones: [] }],
  }),
  'cookbook_state.json': json({}),
  'skills/summarise/SKILL.md': '---\nname: summarise\n---\nSummarise.\n',
  'uploads/2026/scan.pdf': randomLike(60_000, 50),
  'uploads/uploads.json': json({ 'scan.pdf': { owner: 'ada' } }),
  'uploads/uploads.json.bak': json({}),
  'personal_docs/runbook.md': 'Turn it off and on again.\n',
  'gallery/image-1.png': randomLike(30_000, 51),
  'deep_research/run-1.json': json({ id: 'run-1', report: 'long' }),
  'chroma/1f0c0a7e-3a52-4a0b-9c52-5d1f6c1f9b11/header.bin': randomLike(100, 52),
  'chroma/1f0c0a7e-3a52-4a0b-9c52-5d1f6c1f9b11/data_level0.bin': randomLike(16_000, 53),
};

const SECRET: Files = {
  'auth.json': json({
    users: {
      ada: { password_hash: `$2b$12$${'c'.repeat(53)}`, created: 1_767_225_600, is_admin: true },
      ben: { password_hash: `$2b$12$${'d'.repeat(53)}`, created: 1_767_225_601, is_admin: false },
    },
  }),
  'sessions.json': json({ 'not-a-real-session-token': { username: 'ada', expiry: 1_900_000_000 } }),
  'vault.json': json({ url: 'https://vault.example.org', session: 'not-a-real-session' }),
  'mcp_oauth/gdrive/token.json': json({ refresh_token: 'not-a-real-token' }),
  'ssh/id_ed25519': '-----BEGIN OPENSSH PRIVATE KEY-----\n',
};

const OPTIONAL: Files = {
  // A write that a crash interrupted.
  'presets.json.tmp.0123456789abcdef0123456789abcdef': '{"letter"',
  'tts_cache/hello.mp3': randomLike(9000, 54),
  'emoji_cache/1f600.png': randomLike(900, 55),
  'email_urgency_cache/1.json': json({ urgent: false }),
  'fastembed_cache/model.onnx': randomLike(9000, 56),
  'huggingface/hub/model.safetensors': randomLike(20_000, 57),
  'local/lib/python3.12/site-packages/pip.py': 'pass\n',
  'mail-attachments/1/invoice.pdf': randomLike(9000, 58),
};
