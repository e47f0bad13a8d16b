/** nodyn and what it is called since March 2026, lynox: one directory of SQLite databases, text trees and keys. */

import type { Profile } from './profile.js';

/** The profile of `~/.nodyn` and `~/.lynox`. */
export const nodyn: Profile = {
  name: 'nodyn',
  title: 'nodyn and lynox (~/.nodyn, ~/.lynox)',
  find: {
    homes: [['$LYNOX_DATA_DIR', '$LYNOX_DIR', '~/.lynox', '~/.nodyn']],
    below: ['', '.lynox', '.nodyn'],
    marks: [
      ['engine.db', 'history.db'],
      ['history.db', 'vault.db'],
      ['history.db', 'datastore.db'],
      ['vault.db', 'datastore.db'],
      ['engine.db', 'vault.db'],
      ['history.db', 'memory/'],
      ['vault.db', 'memory/'],
      ['config.json', 'memory/', 'sessions/'],
    ],
    names: ['.nodyn', '.lynox'],
    settings: ['.env'],
  },
  rules: [
    { paths: ['/backups/'], treatment: 'leave-out', why: 'its own backups' },
    {
      paths: ['/.cache-salt'],
      treatment: 'leave-out',
      why: 'made anew; two installations must not share it',
    },
    { paths: ['/.last_version'], treatment: 'leave-out', why: 'written at each start' },
    {
      paths: ['/.tos-accepted-1'],
      treatment: 'leave-out',
      why: 'personal to who runs this installation',
    },
    { paths: ['/plugins/'], treatment: 'leave-out', why: 'code of others, to be installed again' },
    { paths: ['/pricing.json'], treatment: 'leave-out', why: 'a catalogue that is fetched again' },
    { paths: ['/batch-index.json'], treatment: 'leave-out', why: 'handles of requests under way' },
    {
      paths: ['/wire-sink/', '/wire-sink-on', '/wire-sink-raw/', '/wire-sink-raw-on'],
      treatment: 'leave-out',
      why: 'debugging records and their switches',
    },
    {
      paths: ['/*.restore-staging', '/*.migration-tmp', '/knowledge-graph.tmp'],
      treatment: 'leave-out',
      why: 'half-written',
    },
    { paths: ['/vault.key', '/.env'], treatment: 'secret', why: 'a vault key' },
    { paths: ['/.access-token', '/http-secret'], treatment: 'secret', why: 'opens the application' },
    { paths: ['/secrets.json'], treatment: 'secret', why: 'secrets on their way into the vault' },
    { paths: ['/vault.db', '/vault.db.rotate-bak'], treatment: 'secret', why: 'the vault' },
    { paths: ['/config.json'], treatment: 'secret', why: 'may hold keys of providers' },
    { paths: ['/vapid-keys.json'], treatment: 'secret', why: 'the identity towards push services' },
    { paths: ['/mail-state.db', '/sweeps/'], treatment: 'secret', why: 'personal data of others' },
  ],
  appendOnly: ['/*.jsonl'],
  appKeys: [],
  elsewhere: [],
  running: [],
  restoring: {
    nextSteps: [
      'Start the application again: it must not have run during the restore.',
      'Give it the vault key that this state was made with (LYNOX_VAULT_KEY, NODYN_VAULT_KEY or vault.key): with another one it shows ciphertext as text.',
    ],
  },
};
