/** `nbak help`: of the program, of a command, or on a topic. */

import type { Command } from 'commander';
import { ERROR_CODES } from '../../errors.js';
import type { Run } from '../declaration.js';
import { usage } from '../options.js';

const EXIT_CODES: readonly (readonly [number, string])[] = [
  [0, 'done'],
  [1, 'failed'],
  [2, 'wrong usage'],
  [3, 'done but incomplete'],
  [10, 'no repository'],
  [11, 'busy'],
  [12, 'wrong or missing key'],
  [13, 'newer format'],
  [20, 'corrupt or missing data'],
  [21, 'tampering'],
  [22, 'taken back or stale'],
  [130, 'interrupted (SIGINT or SIGTERM; a second one ends at once)'],
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['NBAK_REPOSITORY', 'the repository (-r)'],
  ['NBAK_VAULT_KEY', 'the vault key itself; --vault-key-file and --vault-key-command go before it'],
  ['NBAK_FROM_VAULT_KEY', 'the vault key of an encrypted backup of another program (v1, import)'],
  ['NBAK_TO_VAULT_KEY', 'the vault key of the application that a backup is exported for (export)'],
  ['NBAK_PUBLIC_KEY', 'the verification key, or a file that holds it (--public-key)'],
  ['NBAK_CACHE_DIR', 'where the catalog is kept (--cache-dir), else $XDG_CACHE_HOME/nbak or ~/.cache/nbak'],
  [
    'NBAK_STATE_DIR',
    'where `nbak guard` keeps versions (--state-dir), else $XDG_STATE_HOME/nbak or ~/.local/state/nbak',
  ],
  ['TMPDIR', 'where copies of databases are staged (0700, unlinked at once)'],
  ['NO_COLOR', 'any value but the empty one: no colours'],
  ['NBAK_DEBUG=1', 'where an error happened, on stderr'],
];

const ARGUMENTS: readonly (readonly [string, string])[] = [
  ['BACKUP', 'an id, a unique beginning of one, or latest: the newest that matches --host, --path and --tag'],
  ['PATH', 'as `nbak ls` shows it: relative to the root, or below its name where there are several'],
  ['GLOB', 'gitignore syntax, relative to the root; ! takes back in'],
  ['SPAN', 'a number and ms, s, m, h or d: 500ms, 30s, 26h'],
];

/** What can be asked for besides commands. */
export const TOPICS: Readonly<Record<string, () => string>> = {
  'exit-codes': () => `${table(EXIT_CODES.map(([exit, meaning]) => [String(exit), meaning + codesOf(exit)]))}
Of several findings the gravest decides: 21, 20, 13, 22, 3, 12, 1.
`,
  environment: () => table(ENVIRONMENT),
  arguments: () => table(ARGUMENTS),
};

/** `nbak help [COMMAND or TOPIC]` */
export function runHelp(program: Command): Run<object> {
  return ({ args }) => {
    const names = (args[0] ?? []) as readonly string[];
    const topic = names.length === 1 ? TOPICS[names[0] ?? ''] : undefined;
    process.stdout.write(topic === undefined ? find(program, names).helpInformation() : topic());
    if (topic === undefined && names.length === 0)
      process.stdout.write(`\nTopics: nbak help ${Object.keys(TOPICS).join(' | ')}\n`);
    return Promise.resolve(0);
  };
}

function find(program: Command, names: readonly string[]): Command {
  let found = program;
  for (const name of names) {
    const next = found.commands.find((command) => command.name() === name);
    if (next === undefined) {
      const topics = Object.keys(TOPICS).join(', ');
      throw usage(`There is no command and no topic ${names.join(' ')}; topics are ${topics}`);
    }
    found = next;
  }
  return found;
}

/** The error codes of an exit code, on lines of their own. */
function codesOf(exit: number): string {
  const codes = Object.entries(ERROR_CODES)
    .filter(([, code]) => code.exit === exit)
    .map(([name]) => `\n       ${name}`);
  return codes.join('');
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(5, ...rows.map(([name]) => name.length));
  return rows.map(([name, meaning]) => `${name.padEnd(width)}  ${meaning}\n`).join('');
}
