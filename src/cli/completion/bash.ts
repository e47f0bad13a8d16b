/** Completion for bash; zsh runs the same through its own bashcompinit. */

import type { CommandGrammar, OptionGrammar, ValueKind } from './grammar.js';

/** A script that bash sources. */
export function bashCompletion(program: string, commands: readonly CommandGrammar[]): string {
  const name = `_${program}`;
  return `${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' skip='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$command/\${COMP_WORDS[i]}" in
${commands.flatMap(valueOptions).join('\n')}
${commands.flatMap(descents).join('\n')}
    esac
  done
  if [[ -n $skip ]]; then
    case "$command/$previous" in
${commands.flatMap(values).join('\n')}
    esac
    return
  fi
  case "$command" in
${commands.map(words).join('\n')}
  esac
}
complete -F ${name} ${program}
`;
}

/** Options and commands in the order in which they are typed; \`key generate\` is \`/key/generate\`. */
function pathOf({ path }: CommandGrammar): string {
  return path.map((each) => `/${each}`).join('');
}

function patternOf(command: CommandGrammar, { flags }: OptionGrammar): string {
  return flags.map((flag) => `${pathOf(command)}/${flag}`).join('|');
}

/** The word after these is a value. */
function valueOptions(command: CommandGrammar): readonly string[] {
  const patterns = command.options
    .filter(({ value }) => value !== undefined)
    .map((option) => patternOf(command, option));
  return patterns.length === 0 ? [] : [`      ${patterns.join('|')}) skip=1 ;;`];
}

function descents(command: CommandGrammar): readonly string[] {
  const path = pathOf(command);
  return command.subcommands.map(({ name }) => `      ${path}/${name}) command='${path}/${name}' ;;`);
}

function values(command: CommandGrammar): readonly string[] {
  return command.options.flatMap((option) =>
    option.value === undefined ? [] : [`      ${patternOf(command, option)}) ${reply(option.value)} ;;`],
  );
}

function words(command: CommandGrammar): string {
  const { options, subcommands, argument } = command;
  const flags = options.flatMap((option) => option.flags).join(' ');
  const rest =
    subcommands.length > 0
      ? reply({ words: subcommands.map(({ name }) => name) })
      : reply(argument ?? { kind: 'other' });
  return `    '${pathOf(command)}')
      if [[ $current == -* ]]; then ${reply({ words: flags.split(' ') })}
      else ${rest}
      fi ;;`;
}

function reply(value: ValueKind): string {
  if ('words' in value) return `COMPREPLY=($(compgen -W '${value.words.join(' ')}' -- "$current"))`;
  if (value.kind === 'other') return ':';
  const how = value.kind === 'directory' ? '-d' : '-f';
  // One candidate per line: names hold spaces. \`compopt\` quotes them, where there is one.
  return `local IFS=$'\\n'; type compopt >/dev/null 2>&1 && compopt -o filenames; COMPREPLY=($(compgen ${how} -- "$current"))`;
}
