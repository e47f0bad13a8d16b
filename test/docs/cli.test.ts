/** spec/cli.md and the declarations of the commands say the same of commands and options. */

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { declareCommands } from '#nbak/cli/commands/index.js';
import { grammarOf, type CommandGrammar } from '#nbak/cli/completion/grammar.js';
import { addGlobalOptions } from '#nbak/cli/options.js';

const PAGE = readFileSync(new URL('../../spec/cli.md', import.meta.url), 'utf8');

const program = addGlobalOptions(new Command('nbak').version('0.0.0', '--version'));
declareCommands(program, () => undefined);
const [whole, ...commands] = grammarOf(program);

function flagsOf(command: CommandGrammar | undefined): readonly string[] {
  return command?.options.flatMap(({ flags }) => flags.filter((flag) => flag.startsWith('--'))) ?? [];
}

/** The text between a heading and the next. */
function section(heading: string): string {
  const from = PAGE.indexOf(`\n## ${heading}\n`);
  const next = PAGE.indexOf('\n## ', from + 1);
  return from < 0 ? '' : PAGE.slice(from, next < 0 ? undefined : next);
}

const leaves = commands.filter(({ subcommands, path }) => subcommands.length === 0 && path[0] !== 'help');

describe.each(leaves.map((command) => [command.path.join(' '), command] as const))(
  'nbak %s',
  (name, command) => {
    it('has a section in spec/cli.md that names every option of its own', () => {
      const text = section(`nbak ${name}`);
      expect(text).not.toBe('');
      const common = flagsOf(whole);
      const own = flagsOf(command).filter((flag) => !common.includes(flag));
      // What filters backups is said once, for all commands; one command may have the options of another.
      const [, like = ''] = /the options of `(nbak [a-z]+)`/.exec(text) ?? [];
      const described = text + section('Everywhere') + section(like);
      expect(
        own.filter((flag) => !described.includes(`\`${flag}`) && !described.includes(`[${flag}`)),
      ).toEqual([]);
    });
  },
);

describe('spec/cli.md', () => {
  it('names the options that every command has, and no option that none has', () => {
    const everywhere = section('Everywhere');
    expect(flagsOf(whole).filter((flag) => !everywhere.includes(flag))).toEqual([]);
    const declared = new Set(commands.flatMap(flagsOf).concat(flagsOf(whole)));
    const named = new Set(PAGE.match(/(?<=[`[| ])--[a-z][a-z-]+/g));
    expect([...named].filter((flag) => !declared.has(flag))).toEqual([]);
    expect(named.size).toBeGreaterThan(20);
  });

  it('has no section of a command that is not there', () => {
    // `nbak profiles` runs, and has a subcommand.
    const names = new Set(commands.map(({ path }) => path.join(' ')));
    const sections = [...PAGE.matchAll(/^## nbak (.*)$/gm)].map(([, name = '']) => name);
    expect(sections.filter((name) => !names.has(name))).toEqual([]);
  });
});
