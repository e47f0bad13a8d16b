/** omicos: the directory in the home and two workspaces, with either layout of conversations and several accounts. */

import { join } from 'node:path';
import { randomLike } from '../tree.js';
import { json, makeDirectory, writeFiles, type BuiltSystem, type Files } from './files.js';

/** What the fixture has that tests count. Paths of the parts are relative to `root`, which is the home. */
export interface BuiltOmicos extends BuiltSystem {
  /** `.omicos` in the home. */
  readonly global: string;
  /** `.omicos` of each workspace: the first has the newer layout of conversations, the second the older. */
  readonly workspaces: readonly string[];
  /** Append-only log whose last line a crash cut short, and its whole lines. */
  readonly torn: { readonly path: string; readonly whole: string };
  /** Owners whose trajectories lie in the first workspace. */
  readonly owners: readonly string[];
  /** Files of the user beside `.omicos`. */
  readonly userData: readonly string[];
}

const OWNERS = ['0d4f6a52-8c1e-4f57-9a35-6f0d1f2f1a01', '7b8e2c90-1d3a-4e0f-8f21-9c4b5a6d7e02'] as const;
const GLOBAL = '.omicos';
const [NEWER, OLDER] = ['projects/analysis/.omicos', 'projects/imaging/.omicos'] as const;
/** Above every process id that Linux gives. */
const NO_PROCESS = 4_194_305;

/** Builds the home `root`; `pid` is the daemon's, of no process by default. */
export function buildOmicos(root: string, { pid = NO_PROCESS } = {}): BuiltOmicos {
  makeDirectory(root, '.');
  const torn = { path: `${NEWER}/trajectories/${OWNERS[0]}/turn_00ff02.jsonl`, whole: lines(2) };
  const kept = [
    ...writeFiles(root, under(GLOBAL, KEPT_IN_HOME)),
    ...writeFiles(root, under(NEWER, KEPT_IN_NEWER)),
    ...writeFiles(root, under(OLDER, KEPT_IN_OLDER)),
    ...writeFiles(root, { [torn.path]: `${torn.whole}{"turn":2,"te` }),
  ];
  const secret = [
    ...writeFiles(root, under(GLOBAL, SECRET_IN_HOME), { mode: 0o600 }),
    ...[NEWER, OLDER].flatMap((each) => writeFiles(root, under(each, SECRET_IN_WORKSPACE), { mode: 0o600 })),
  ];
  const serve = { [`${NEWER}/serve.pid`]: `${pid}\n8765\n`, [`${NEWER}/cli/serve.pid`]: `${NO_PROCESS}\n` };
  return {
    root,
    databases: [],
    kept,
    secret,
    optional: [
      ...writeFiles(root, under(GLOBAL, CACHES_IN_HOME)),
      ...[NEWER, OLDER].flatMap((each) => writeFiles(root, under(each, OPTIONAL_IN_WORKSPACE))),
    ],
    never: writeFiles(root, serve),
    global: GLOBAL,
    workspaces: [NEWER, OLDER],
    torn,
    owners: OWNERS,
    userData: writeFiles(
      root,
      under('projects/analysis', { 'cells.h5ad': randomLike(40_000, 80), 'figure.csv': 'a,b\n' }),
    ),
  };
}

function under(directory: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [join(directory, path), content]));
}

/** Whole lines of an append-only log. */
function lines(count: number): string {
  return Array.from(
    { length: count },
    (_, n) => `${JSON.stringify({ turn: n, text: 'x'.repeat(40) })}\n`,
  ).join('');
}

const CONVERSATION = 'conversations/5e1c0f4a-7a77-4c0d-b6a4-2f4f3f8a9d10';

const KEPT_IN_HOME: Files = {
  'memory/preferences.md': '# Preferences\nGreen plots.\n',
  'memory/genes.md': 'TP53 again.\n',
};

const KEPT_IN_NEWER: Files = {
  workspace_id: '0123456789abcdef0123456789abcdef',
  'conversations.json': json([{ id: '5e1c0f4a-7a77-4c0d-b6a4-2f4f3f8a9d10', title: 'QC' }]),
  [`${CONVERSATION}/history.jsonl`]: lines(5),
  [`${CONVERSATION}/meta.json`]: json({ title: 'QC', goal: { text: 'filter', state: 'active' } }),
  [`${CONVERSATION}/outputs/umap.png`]: randomLike(20_000, 81),
  [`${CONVERSATION}/uploads/counts.csv`]: 'cell,n\n1,2\n',
  [`trajectories/${OWNERS[0]}/turn_00ff01.jsonl`]: lines(3),
  [`trajectories/${OWNERS[1]}/turn_00ff01.jsonl`]: lines(1),
  'trajectories/anonymous/turn_00aa01.jsonl': lines(1),
  'templates/goals/qc.md': 'Filter cells.\n',
  'plans/next.md': 'Cluster.\n',
  'skills/plot/SKILL.md': 'Plot.\n',
  // What `omicos cli` writes is a namespace of its own.
  'cli/workspace_id': 'fedcba9876543210fedcba9876543210',
  'cli/conversations.json': json([]),
  [`cli/trajectories/${OWNERS[0]}/turn_00ff01.jsonl`]: lines(2),
};

const KEPT_IN_OLDER: Files = {
  workspace_id: 'aaaabbbbccccddddeeeeffff00001111',
  'conversations.json': json([{ id: 'c0ffee00-0000-4000-8000-000000000001' }]),
  'conversations/c0ffee00-0000-4000-8000-000000000001.json': json({
    messages: [{ role: 'user', text: 'hi' }],
  }),
  'outputs/c0ffee00-0000-4000-8000-000000000001/plot.png': randomLike(9000, 82),
  'trajectories/anonymous/turn_00bb01.jsonl': lines(2),
};

const SECRET_IN_HOME: Files = {
  'cloud_login.json': json({ token: 'not-a-real-token' }),
  'auth.json': json({ anthropic: 'sk-ant-not-a-real-key' }),
  'plan_token.jwt': 'not.a.jwt',
  'oauth/codex.json': json({ refresh_token: 'not-a-real-token' }),
  'oauth/gemini_cli.json': json({ refresh_token: 'not-a-real-token' }),
};

const SECRET_IN_WORKSPACE: Files = {
  'cloud_login.json': json({ token: 'not-a-real-token' }),
  'cloud_login.json.20260501.bak': json({ token: 'not-a-real-token-either' }),
  'account.json': json({
    authenticated: true,
    token: 'not-a-real-token',
    plan: 'lab',
    email: 'ada@example.org',
  }),
};

const CACHES_IN_HOME: Files = {
  'cloud-agents/index.json': json([]),
  'cloud-skills/index.json': json([]),
  'cloud-models/models.json': json([]),
  'cloud-memory/index.json': json([]),
  'env/.venv/pyvenv.cfg': 'home = /usr\n',
  'updater/pending.bin': randomLike(3000, 83),
  'usage/2026-05.jsonl': lines(1),
};

const OPTIONAL_IN_WORKSPACE: Files = {
  'settings/llm-config.json': json({ model: 'x' }),
  'conversation_sync.state.json': json({ highWater: 41 }),
  'trajectories/.sync_state.json': json({ device: 'd1' }),
  'usage/s1.jsonl': lines(1),
  'tool_outputs/1767225600000__call_1.txt': 'x'.repeat(17_000),
  'sidecar-restart.log': 'restarted\n',
  'workspace_id.ada.bak': '99990000999900009999000099990000',
};
