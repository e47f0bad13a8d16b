/** What can follow what on the command line, read from the declarations of the commands. */

import type { Argument, Command, Option } from 'commander';

/** What stands in a place that takes a value. */
export type ValueKind =
  { readonly kind: 'file' | 'directory' | 'other' } | { readonly words: readonly string[] };

/** An option as it is written, and its value where it takes one. */
export interface OptionGrammar {
  readonly flags: readonly string[];
  readonly description: string;
  readonly value: ValueKind | undefined;
}

/** One command; `path` is empty for the program itself. */
export interface CommandGrammar {
  readonly path: readonly string[];
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionGrammar[];
  /** What its arguments are. */
  readonly argument: ValueKind | undefined;
}

/** The grammar of a command and of everything below it; the program first. */
export function grammarOf(command: Command, path: readonly string[] = []): readonly CommandGrammar[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const own: CommandGrammar = {
    path,
    subcommands: subcommands.map((each) => ({ name: each.name(), description: each.description() })),
    options: help.visibleOptions(command).map(optionGrammar),
    argument: argumentValue(command.registeredArguments[0]),
  };
  return [own, ...subcommands.flatMap((each) => grammarOf(each, [...path, each.name()]))];
}

function optionGrammar(option: Option): OptionGrammar {
  const { short, long, description, argChoices } = option;
  const flags = [short, long].filter((flag) => flag !== undefined);
  const takesValue = option.required || option.optional;
  return {
    flags,
    description,
    value: takesValue ? valueOf(/<(\w+)>/.exec(option.flags)?.[1], argChoices) : undefined,
  };
}

function argumentValue(argument: Argument | undefined): ValueKind | undefined {
  return argument === undefined ? undefined : valueOf(argument.name(), argument.argChoices);
}

/** Declarations call the places of files and directories by the same few names. */
function valueOf(name: string | undefined, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return { words: choices };
  if (name === 'dir' || name === 'path') return { kind: 'directory' };
  return { kind: name === 'file' || name === 'key' || name === 'source' ? 'file' : 'other' };
}
