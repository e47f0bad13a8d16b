/** `nbak completion`, in the shells themselves, and `nbak help` topics. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '#nbak/errors.js';
import { makePlace, parseLine, PROGRAM, type ErrorJson } from '../support/cli.js';

/** What a shell offers for a line, of which the last word is being typed. */
type Ask = (line: string, cwd?: string) => readonly string[];

function scriptFor(shell: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'completion', shell], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

function run(shell: string, args: readonly string[], cwd = '/'): string {
  const { status, stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8', cwd });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

function lines(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line !== '');
}

/** How each shell is asked, once it has read the file of its script. */
const SHELLS: Readonly<Record<string, (script: string) => Ask>> = {
  bash: (script) => (line, cwd) => {
    const words = line.split(' ').map((word) => `'${word}'`);
    // As readline does it: the function that `complete` named, with the words and the place of the cursor.
    const ask = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}
      set -- $(complete -p nbak); "$3"; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines(run('bash', ['--norc', '-c', `source '${script}'\ncompopt() { :; }\n${ask}`], cwd));
  },
  zsh: (script) => (line, cwd) => {
    // zsh completes in its line editor alone, on a terminal: candidates are caught where they are added.
    const setUp = [
      'PS1= RPS1=; autoload -Uz compinit; compinit -u -D',
      `source '${script}'`,
      'compadd() { local -a found; builtin compadd -O found "$@"; print -rl -- "<"$^found">" > /dev/tty; builtin compadd "$@" }',
      'caught() { _main_complete; print -r -- "<END>" > /dev/tty }',
      "zle -C caught complete-word caught; bindkey '^X' caught; print -r -- READ''Y",
    ].join('\n');
    const session = `zmodload zsh/zpty
      zpty -b shell zsh -f -i
      zpty -w shell "$SET_UP"; zpty -r -m shell text '*READY*'
      zpty -w -n shell "$LINE"$'\\C-x'; zpty -r -m shell text '*<END>*'
      print -r -- "$text"`;
    const { stdout } = spawnSync('zsh', ['-f', '-c', session], {
      encoding: 'utf8',
      cwd,
      timeout: 120_000,
      env: { ...process.env, SET_UP: setUp, LINE: line, TERM: 'xterm', COLUMNS: '1000' },
    });
    return [...new Set([...stdout.matchAll(/<([^<>\r\n]+)>/g)].map(([, word = '']) => word))].filter(
      (word) => word !== 'END',
    );
  },
  fish: (script) => (line, cwd) =>
    lines(run('fish', ['--no-config', '-c', `source '${script}'; complete -C '${line}'`], cwd)).map(
      (each) => each.split('\t')[0] ?? '',
    ),
};

describe.each(['bash', 'zsh', 'fish'])('completion of %s', (shell) => {
  const isHere = spawnSync(shell, ['-c', ':']).error === undefined;
  let ask: Ask;
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'nbak-test-completion-'));
    const script = join(directory, `nbak.${shell}`);
    writeFileSync(script, scriptFor(shell));
    ask = SHELLS[shell]?.(script) ?? (() => []);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  it.skipIf(!isHere)('offers commands, and commands of commands', () => {
    expect(ask('nbak ')).toEqual(expect.arrayContaining(['backup', 'restore', 'verify', 'doctor', 'key']));
    expect(ask('nbak re')).toEqual(['restore']);
    expect([...ask('nbak key ')].sort()).toEqual(['generate', 'public']);
    expect(ask('nbak key g')).toEqual(['generate']);
  });

  it.skipIf(!isHere)(
    'offers the options of the command that was typed, also behind options with values',
    () => {
      expect(ask('nbak backup --one')).toEqual(['--one-file-system']);
      expect(ask('nbak -r backup verify --dec')).toEqual(['--decrypt']);
      expect(ask('nbak list --dec')).toEqual([]);
      expect(ask('nbak restore --tar')).toEqual(['--target']);
    },
  );

  it.skipIf(!isHere)('offers the words that an option or an argument takes', () => {
    expect([...ask('nbak init --names ')].sort()).toEqual(['plain', 'sealed']);
    expect(ask('nbak restore --check f')).toEqual(['full']);
    expect([...ask('nbak completion ')].sort()).toEqual(['bash', 'fish', 'zsh']);
  });

  it.skipIf(!isHere)('offers files and directories where they are meant', async () => {
    const place = await makePlace({ init: false });
    const cwd = place.path('here');
    mkdirSync(`${cwd}/a directory`, { recursive: true });
    writeFileSync(`${cwd}/a-file`, '');
    const plain = (names: readonly string[]): readonly string[] =>
      names.map((name) => name.replace(/\\/g, '').replace(/\/$/, '')).sort();
    expect(plain(ask('nbak backup a', cwd))).toEqual(['a directory', 'a-file']);
    expect(plain(ask('nbak restore --target a', cwd))).toEqual(['a directory']);
    expect(plain(ask('nbak verify --max-age a', cwd))).toEqual([]);
  });
});

describe('completion of another shell', () => {
  it('is wrong usage', async () => {
    const place = await makePlace({ init: false });
    expect(await place.run(['completion', 'tcsh'])).toMatchObject({ exit: 2, stdout: '' });
  });
});

describe('help', () => {
  const CLI = readFileSync(new URL('../../spec/cli.md', import.meta.url), 'utf8');

  it('on exit codes says of each what spec/cli.md says, and which errors end with it', async () => {
    const place = await makePlace({ init: false });
    const { stdout } = await place.run(['help', 'exit-codes']);
    const section = CLI.slice(CLI.indexOf('## Exit codes'), CLI.indexOf('With `--json` an error'));
    const rows = [...section.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, exit, meaning]) => [exit, meaning]);
    const said = [...stdout.matchAll(/^(\d+) +(.*)$/gm)].map(([, exit, meaning]) => [exit, meaning]);
    expect(rows.length).toBe(12);
    expect(said).toEqual(rows);
    for (const [code, { exit }] of Object.entries(ERROR_CODES)) {
      const [, errors = ''] = new RegExp(`^${exit} .*\\n((?: +[A-Z_]+\\n)*)`, 'm').exec(stdout) ?? [];
      expect(errors, code).toContain(` ${code}\n`);
    }
  });

  it('has topics, names them, and takes no other word than these and commands', async () => {
    const place = await makePlace({ init: false });
    const { stdout } = await place.run(['help']);
    const [, names = ''] = /^Topics: nbak help (.*)$/m.exec(stdout) ?? [];
    expect(names.split(' | ')).toEqual(['exit-codes', 'environment', 'arguments']);
    for (const topic of names.split(' | ')) {
      const outcome = await place.run(['help', topic]);
      expect(outcome).toMatchObject({ exit: 0, stderr: '' });
      expect(CLI).toContain(`\`${topic}\``);
    }
    const variables = (await place.run(['help', 'environment'])).stdout.match(/^NBAK_\w+/gm) ?? [];
    expect(variables.length).toBeGreaterThan(3);
    for (const variable of variables) expect(CLI).toContain(`\`${variable}`);
    const unknown = await place.run(['help', 'nonsense', '--json']);
    expect(unknown).toMatchObject({ exit: 2 });
    expect(parseLine<ErrorJson>(unknown).error.message).toContain('exit-codes');
    expect((await place.run(['help', 'key', 'generate'])).stdout).toContain('Usage: nbak key generate');
  });
});
