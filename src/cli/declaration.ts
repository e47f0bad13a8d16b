/** How a command is declared: its name, arguments and options, and a module that is loaded only when it runs. */

import type { Command } from 'commander';
import type { Context } from './context.js';

/** What a command's run is given. */
export interface Invocation<Options> {
  readonly context: Context;
  readonly options: Options;
  /** Positional arguments as commander gives them. */
  readonly args: readonly (string | readonly string[])[];
}

/** Runs a command; returns the exit code. */
export type Run<Options> = (invocation: Invocation<Options>) => Promise<number>;

/** Ties a declared command to its run; `load` keeps everything heavy out of `nbak --version`. */
export type Attach = <Options>(command: Command, load: () => Promise<Run<Options>>) => void;
