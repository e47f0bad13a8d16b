/** Which texts are tokens, and how many of them open (§11.4). */

import type { Fernet } from '../../crypto/fernet.js';
import type { ListedPlace } from '../../format/app-keys.js';
import type { TokenPlace } from '../profiles/app-keys.js';

/** Where in a file or database tokens lie. */
export type TokenSpot = Omit<ListedPlace, 'path'>;

/** The spot of a declared place. */
export function spotOf(place: TokenPlace): TokenSpot {
  const { field = '', prefix = '' } = place;
  if (place.in === 'file') return { in: place.format, table: '', column: '', field, prefix };
  return { in: 'database', table: place.table, column: place.column, field, prefix };
}

/** How many tokens opened, and did not. */
export interface TokenTally {
  readonly opened: number;
  readonly failed: number;
}

/** Which ones did not: rows of a table, paths in a document. At most {@link MOST_NAMED}. */
export interface NamedTally extends TokenTally {
  readonly dead: readonly string[];
}

/** Dead tokens that are named of one place. */
export const MOST_NAMED = 100;

/** How every Fernet token begins: version 0x80, and a time before the year 2242. */
const BEGINNING = 'gAAAA';

/** The token that a text holds behind `prefix`; undefined where it is none. */
export function tokenIn(text: string, prefix: string): string | undefined {
  if (prefix === '') return text.startsWith(BEGINNING) ? text : undefined;
  return text.length > prefix.length && text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
}

/** Counts the tokens of one place. */
export class TokenCounter {
  #opened = 0;
  #failed = 0;
  readonly #dead: string[] = [];
  readonly #fernet: Fernet | undefined;
  readonly #prefix: string;

  /** @param fernet - undefined where there is no key: nothing opens then. */
  constructor(fernet: Fernet | undefined, prefix: string) {
    this.#fernet = fernet;
    this.#prefix = prefix;
  }

  /**
   * Counts a text if it is a token.
   *
   * @param where - what to call it should it be dead.
   */
  add(text: string, where: string): void {
    const token = tokenIn(text, this.#prefix);
    if (token === undefined) return;
    if (this.#fernet?.open(token) !== undefined) {
      this.#opened += 1;
      return;
    }
    this.#failed += 1;
    if (this.#dead.length < MOST_NAMED) this.#dead.push(where);
  }

  /** The counts so far. */
  tally(): NamedTally {
    return { opened: this.#opened, failed: this.#failed, dead: this.#dead };
  }
}
