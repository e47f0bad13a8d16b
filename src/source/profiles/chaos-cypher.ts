/** Chaos Cypher: knowledge bases of one SQLite database each, settings and secrets beside them. */

import type { Profile } from './profile.js';

const QUEUE_IS_FILLED =
  'the queue’s log holds commands: tasks that wait are not in the backup, drain the queue first';

/** The profile of Chaos Cypher's data directory. */
export const chaosCypher: Profile = {
  name: 'chaos-cypher',
  title: 'Chaos Cypher (its data directory: databases/, settings.yaml, secrets/ …)',
  find: {
    homes: [['$CHAOSCYPHER_DATA_DIR', '~/.local/share/chaoscypher', '/data']],
    below: ['', 'data'],
    marks: [['databases/*/app.db'], ['databases/', 'settings.yaml'], ['databases/', 'credentials.json']],
    names: ['chaoscypher'],
    settings: ['.env', '../.env'],
  },
  rules: [
    { paths: ['/backups/', '/databases/*/backups/'], treatment: 'leave-out', why: 'its own backups' },
    {
      paths: [
        '/databases/*/.init.lock',
        '/databases/*/app.db.upgrade.lock',
        '/databases/*/app.db.schema.lock',
      ],
      treatment: 'leave-out',
      why: 'locks of running processes',
    },
    { paths: ['/queue/'], treatment: 'leave-out', why: 'tasks under way: drain the queue before a backup' },
    { paths: ['/models/', '/cache/'], treatment: 'leave-out', why: 'downloaded again when needed' },
    { paths: ['/logs/'], treatment: 'leave-out', why: 'logs' },
    { paths: ['/settings.yaml'], treatment: 'secret', why: 'holds keys of providers' },
    { paths: ['/credentials.json'], treatment: 'secret', why: 'users and API keys' },
    { paths: ['/secrets/'], treatment: 'secret', why: 'session, queue, edge and TLS secrets' },
  ],
  appendOnly: [],
  appKeys: [],
  elsewhere: [
    {
      kind: 'path',
      places: ['$CHAOSCYPHER_CONFIG_DIR/auth.json', '~/.config/chaoscypher/auth.json'],
      what: 'login tokens of the package registry',
    },
    {
      kind: 'pending',
      path: 'queue/appendonlydir/*.aof',
      // SELECT 0, which Valkey writes first.
      emptyBytes: 23,
      what: QUEUE_IS_FILLED,
    },
    {
      kind: 'pending',
      path: 'queue/appendonlydir/*.rdb',
      // What Valkey writes of a queue without a key takes about 90: its version, the time, a checksum.
      emptyBytes: 128,
      what: QUEUE_IS_FILLED,
    },
  ],
  running: [],
  restoring: {
    copies: [{ of: 'databases/*/app.db', suffix: '.pre_restore' }],
    nextSteps: [
      'Run `chaoscypher upgrade`, or start Cortex, which applies what is pending: the backup may be older than the schema.',
      'Start all processes again: Cortex, Neuron and the queue, which must be empty, for it was not rewound.',
    ],
  },
};
