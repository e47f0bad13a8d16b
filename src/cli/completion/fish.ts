/** Completion for fish. */

import type { CommandGrammar, OptionGrammar, ValueKind } from './grammar.js';

/** A script that fish sources. */
export function fishCompletion(program: string, commands: readonly CommandGrammar[]): string {
  const begin = `complete -c ${program}`;
  const lines = commands.flatMap((command) => {
    const condition = `-n ${quoted(conditionOf(command))}`;
    return [
      ...command.subcommands.map(
        ({ name, description }) => `${begin} ${condition} -f -a ${quoted(name)} -d ${quoted(description)}`,
      ),
      ...command.options.map((option) => `${begin} ${condition} ${describeOption(option)}`),
      ...(command.argument === undefined ? [] : [`${begin} ${condition} ${argumentOf(command.argument)}`]),
    ];
  });
  // Files are offered where a file is meant, and nowhere else.
  return `${begin} -f\n${lines.join('\n')}\n`;
}

/** The words that were typed so far end in this command and name none below it. */
function conditionOf({ path, subcommands }: CommandGrammar): string {
  const reached = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  const deeper = subcommands.map(({ name }) => name).join(' ');
  const not = deeper === '' ? [] : [`not __fish_seen_subcommand_from ${deeper}`];
  return [...reached, ...not].join('; and ') || 'true';
}

function describeOption({ flags, description, value }: OptionGrammar): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  return [...names, ...(value === undefined ? [] : ['-r', valueOf(value)]), `-d ${quoted(description)}`].join(
    ' ',
  );
}

function argumentOf(value: ValueKind): string {
  return 'kind' in value && value.kind === 'file' ? '-F' : valueOf(value);
}

function valueOf(value: ValueKind): string {
  if ('words' in value) return `-f -a ${quoted(value.words.join(' '))}`;
  if (value.kind === 'directory') return `-f -a '(__fish_complete_directories)'`;
  return value.kind === 'file' ? '-F' : '-f';
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
