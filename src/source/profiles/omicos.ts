/** omicos: no database, but JSON, JSONL and Markdown, in a global directory and one for each workspace. */

import type { Profile } from './profile.js';

/** A path of the daemon's namespace, and of the command line's, which is isolated from it. */
function inBoth(path: string): readonly string[] {
  return [path, `/cli${path}`];
}

/** The profile of `~/.omicos` and `<workspace>/.omicos`, which share no names but those of credentials. */
export const omicos: Profile = {
  name: 'omicos',
  title: 'omicos (~/.omicos and each workspace’s .omicos)',
  find: {
    homes: [
      ['$OMICOS_LOCAL_HOME', '~/.omicos'],
      ['$OMICOS_WORKSPACE_ROOT/.omicos', './.omicos'],
    ],
    below: ['', '.omicos'],
    marks: [
      ['workspace_id', 'conversations/'],
      ['workspace_id', 'trajectories/'],
      ['serve.pid', 'conversations/'],
      ['conversations/', 'conversations.json'],
      ['conversations/', 'trajectories/'],
      ['memory/', 'cloud_login.json'],
      ['memory/', 'plan_token.jwt'],
      ['memory/', 'cloud-models/'],
      ['memory/', 'cloud-agents/'],
      ['memory/', 'cloud-memory/'],
      ['cli/workspace_id'],
    ],
    names: ['.omicos'],
    settings: [],
  },
  rules: [
    {
      paths: ['/cloud-agents/', '/cloud-skills/', '/cloud-models/', '/cloud-memory/'],
      treatment: 'leave-out',
      why: 'caches of the cloud: what is not there is removed by the next sync',
    },
    { paths: ['/env/', '/updater/'], treatment: 'leave-out', why: 'built anew by `omicos env setup`' },
    {
      paths: inBoth('/serve.pid'),
      treatment: 'leave-out',
      why: 'lock of a running daemon; restored, it would name a process that is another’s',
    },
    {
      paths: inBoth('/tool_outputs/'),
      treatment: 'leave-out',
      why: 'overflow whose full text is in the trajectories',
    },
    { paths: inBoth('/timeline/'), treatment: 'leave-out', why: 'derived' },
    {
      paths: inBoth('/sidecar-restart.log'),
      treatment: 'leave-out',
      why: 'a log',
    },
    {
      paths: inBoth('/cloud_login.json*'),
      treatment: 'secret-on-request',
      why: 'login of the cloud',
    },
    {
      paths: inBoth('/account.json'),
      treatment: 'secret-on-request',
      why: 'token of an account',
    },
    { paths: inBoth('/auth.json'), treatment: 'secret-on-request', why: 'API keys' },
    {
      paths: inBoth('/plan_token.jwt'),
      treatment: 'secret-on-request',
      why: 'token of a subscription, renewed by itself',
    },
    { paths: inBoth('/oauth/'), treatment: 'secret-on-request', why: 'credentials of others' },
    { paths: inBoth('/settings/'), treatment: 'secret', why: 'may hold keys of providers' },
  ],
  appendOnly: ['/conversations/**/*.jsonl', '/trajectories/**/*.jsonl', '/usage/*.jsonl', '/cli/**/*.jsonl'],
  appKeys: [],
  elsewhere: [
    {
      kind: 'path',
      places: ['~/Library/Application Support/com.omicverse.omicos/workspace'],
      what: 'workspace of the desktop application; its API keys are in the keychain',
    },
  ],
  running: [{ pidFile: 'serve.pid' }, { pidFile: 'cli/serve.pid' }],
  restoring: {
    nextSteps: [
      'Start omicos again. Where secrets were not in the backup, log in with `omicos login`.',
      'Do not run the restored workspace beside the one it was copied from: both have one workspace_id.',
    ],
  },
};
