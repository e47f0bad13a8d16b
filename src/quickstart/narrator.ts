/** What the quickstart prints: chapters, commands with their output, and proofs, which it counts. */

/** Tells the story on stdout and remembers which proofs held. */
export class Narrator {
  #chapter = 0;
  #held = 0;
  #failed = 0;

  /** Begins a numbered chapter. */
  chapter(title: string): void {
    this.#chapter += 1;
    this.say(`\n${this.#chapter}. ${title}`);
  }

  say(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** A sentence or two under a chapter. */
  explain(text: string): void {
    this.say(`   ${text}`);
  }

  command(text: string): void {
    this.say(`\n   $ ${text}`);
  }

  /** What a command showed, as it showed it. */
  output(text: string): void {
    for (const line of text.trimEnd().split('\n')) if (text !== '') this.say(`     ${line}`);
  }

  /** States a proof; `detail` is shown where it failed. */
  prove(claim: string, holds: boolean, detail = ''): void {
    if (holds) this.#held += 1;
    else this.#failed += 1;
    this.say(
      `   ${holds ? 'proved:' : 'NOT PROVED:'} ${claim}${holds || detail === '' ? '' : `: ${detail}`}`,
    );
  }

  /** How many proofs held and how many did not. */
  get proofs(): { readonly held: number; readonly failed: number } {
    return { held: this.#held, failed: this.#failed };
  }
}

/** Up to ten of a list, for the detail of a proof or a note. */
export function some(items: readonly string[]): string {
  const rest = items.length - 10;
  return items.slice(0, 10).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
