/** `nbak completion`: a script that completes what can be typed. */

import type { Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { fishCompletion } from '../completion/fish.js';
import { grammarOf } from '../completion/grammar.js';
import { zshCompletion } from '../completion/zsh.js';
import type { Run } from '../declaration.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `nbak completion SHELL`, for the commands that were declared on `program`. */
export function runCompletion(program: Command): Run<object> {
  return ({ args }) => {
    // The declaration lets no other word through.
    const write = SHELLS[args[0] as keyof typeof SHELLS];
    process.stdout.write(write(program.name(), grammarOf(program)));
    return Promise.resolve(0);
  };
}
