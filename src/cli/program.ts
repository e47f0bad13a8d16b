/** The program: declares its commands, runs one, and turns what happened into an exit code. */

import { Command, CommanderError } from 'commander';
import { isNbakError, NbakError } from '../errors.js';
import { declareCommands } from './commands/index.js';
import type { Attach } from './declaration.js';
import { addGlobalOptions, usage, type GlobalOptions } from './options.js';
import { note, printError } from './terminal.js';
import { programVersion } from './version.js';

const asJson = process.argv.includes('--json');
const interruption = new AbortController();

/** Runs the command that the arguments name; returns the exit code. */
export async function runProgram(): Promise<number> {
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const program = new Command('nbak')
    .description('Encrypted, signed backups of live application state, verifiable with a public key alone')
    .version(programVersion(), '--version')
    .showHelpAfterError('(see nbak help)')
    .enablePositionalOptions();
  addGlobalOptions(program);
  let exitCode = 0;
  const attach: Attach = (command, load) => {
    command.action(async (...parameters: unknown[]) => {
      // commander gives the arguments, then the command's own options, then the command.
      const options = {
        ...program.opts<GlobalOptions>(),
        ...command.parent?.opts(),
        ...command.opts(),
      } as GlobalOptions & Parameters<Awaited<ReturnType<typeof load>>>[0]['options'];
      const args = parameters.slice(0, -2) as readonly (string | readonly string[])[];
      const run = await load();
      const { Context } = await import('./context.js');
      await using context = new Context(options, interruption.signal);
      exitCode = await run({ context, options, args });
    });
  };
  declareCommands(program, attach);
  exitByThrowing(program);
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    return report(error);
  }
}

/** commander would end the process itself; here errors become one of ours, and --json is kept. */
function exitByThrowing(command: Command): void {
  command.exitOverride();
  if (asJson) command.configureOutput({ writeErr: () => undefined });
  for (const child of command.commands) exitByThrowing(child);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Called without a command, commander has printed its help.
    if (asJson) printError(usage(usageMessage(error)), asJson);
    return 2;
  }
  const known = isNbakError(error)
    ? error
    : new NbakError(
        'INTERNAL',
        `Something unexpected happened: ${error instanceof Error ? error.message : String(error)}`,
        {
          hint: 'Please report it with what you did; NBAK_DEBUG=1 shows where it happened.',
          cause: error,
        },
      );
  printError(known, asJson);
  if (process.env['NBAK_DEBUG'] === '1' && error instanceof Error) note(error.stack ?? '');
  return known.exitCode;
}

function usageMessage({ code, message }: CommanderError): string {
  // commander has printed its help, and calls that its message.
  return code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
}

function interrupt(): void {
  // The second time the user means it.
  if (interruption.signal.aborted) process.exit(130);
  interruption.abort();
}
