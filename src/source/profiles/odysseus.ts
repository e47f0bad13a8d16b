/** Odysseus: its data directory with three databases, JSON files, uploads, vectors and two Fernet keys. */

import type { TokenPlace } from './app-keys.js';
import type { Profile } from './profile.js';

const PREFIX = 'enc:';

function column(table: string, name: string): TokenPlace {
  return { in: 'database', path: 'app.db', table, column: name, prefix: PREFIX };
}

function field(path: string, name: string): TokenPlace {
  return { in: 'file', path, format: 'json', field: name, prefix: PREFIX };
}

/** The profile of Odysseus' `data/`. */
export const odysseus: Profile = {
  name: 'odysseus',
  title: 'Odysseus (its data/)',
  find: {
    homes: [['$ODYSSEUS_DATA_DIR', './data', '~/.odysseus/data']],
    below: ['', 'data'],
    marks: [
      ['app.db', '.app_key'],
      ['app.db', 'auth.json'],
      ['app.db', 'sessions.json'],
      ['app.db', 'memory.json'],
      ['app.db', 'presets.json'],
      ['app.db', 'chroma/'],
      ['app.db', 'scheduled_emails.db'],
      // Without app.db: DATABASE_URL may have it elsewhere.
      ['.app_key', 'settings.json'],
      ['.app_key', 'sessions.json'],
      ['.app_key', 'memory.json'],
      ['.app_key', 'presets.json'],
      ['.app_key', 'chroma/'],
      ['.app_key', 'auth.json'],
      ['auth.json', 'sessions.json', 'settings.json'],
    ],
    names: [],
    settings: ['.env', '../.env'],
  },
  rules: [
    {
      paths: ['/tts_cache/', '/emoji_cache/', '/email_urgency_cache/', '/fastembed_cache/'],
      treatment: 'leave-out',
      why: 'a cache',
    },
    { paths: ['/mail-attachments/'], treatment: 'leave-out', why: 'fetched again from the mail server' },
    {
      paths: ['/huggingface/', '/local/'],
      treatment: 'leave-out',
      why: 'models and packages, downloaded again',
    },
    {
      paths: [`/*.tmp.${'[0-9a-f]'.repeat(32)}`],
      treatment: 'leave-out',
      why: 'half-written',
    },
    { paths: ['/auth.json'], treatment: 'secret', why: 'password hashes and second factors' },
    { paths: ['/sessions.json'], treatment: 'secret', why: 'tokens of sessions' },
    { paths: ['/api_keys.json', '/integrations.json'], treatment: 'secret', why: 'keys of providers' },
    { paths: ['/settings.json'], treatment: 'secret', why: 'keys of search providers, in the clear' },
    { paths: ['/vault.json'], treatment: 'secret', why: 'the vault' },
    { paths: ['/mcp_oauth/', '/ssh/'], treatment: 'secret', why: 'credentials' },
  ],
  appendOnly: [],
  appKeys: [
    {
      name: 'odysseus',
      from: [{ environment: 'APP_KEY' }, { file: '.app_key' }],
      tokens: [
        column('model_endpoints', 'api_key'),
        column('provider_auth_sessions', 'access_token'),
        column('provider_auth_sessions', 'refresh_token'),
        column('mcp_servers', 'oauth_tokens'),
        column('signatures', 'data_png'),
        column('signatures', 'svg'),
        column('email_accounts', 'imap_password'),
        column('email_accounts', 'smtp_password'),
        column('email_accounts', 'oauth_access_token'),
        column('email_accounts', 'oauth_refresh_token'),
        field('integrations.json', '*.api_key'),
        field('settings.json', '*'),
        field('embedding_endpoint.json', 'api_key'),
        // CalDAV accounts, of each user or, where nobody logs in, of the one there is; one account was the older form.
        field('user_prefs.json', '_users.*.caldav_accounts.*.password'),
        field('user_prefs.json', '_users.*.caldav.password'),
        field('user_prefs.json', 'caldav_accounts.*.password'),
        field('user_prefs.json', 'caldav.password'),
      ],
    },
    {
      name: 'odysseus-api-keys',
      from: [{ file: '.key' }],
      // Tokens without a prefix: one per provider.
      tokens: [{ in: 'file', path: 'api_keys.json', format: 'json', field: '*' }],
    },
  ],
  elsewhere: [
    {
      kind: 'database-url',
      variable: 'DATABASE_URL',
      relativeTo: '..',
      inPlaceOf: 'app.db',
      what: 'the main database',
    },
    {
      kind: 'server',
      host: 'CHROMADB_HOST',
      port: 'CHROMADB_PORT',
      what: 'vectors in a Chroma server: back it up by its own means, or let Odysseus index anew',
    },
  ],
  running: [],
  restoring: {
    movedAside: 'before-restore',
    nextSteps: [
      'Start Odysseus again.',
      'Look at an e-mail account: it is configured where its key came back.',
    ],
  },
};
