/** Completion for zsh. */

import { bashCompletion } from './bash.js';
import type { CommandGrammar } from './grammar.js';

/** A script that zsh sources. */
export function zshCompletion(program: string, commands: readonly CommandGrammar[]): string {
  return `autoload -Uz compinit bashcompinit
(( $+functions[compdef] )) || compinit
bashcompinit
${bashCompletion(program, commands)}`;
}
