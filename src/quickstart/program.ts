/** Runs the real program as a child process, in the workplace, and shows the command and what it prints. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Narrator } from './narrator.js';

// The bundle that `npm run build` makes of cli/: what users run.
const PROGRAM = join(import.meta.dirname, '../program/nbak.js');

/** How a run ended and what it printed. */
export interface ProgramRun {
  readonly code: number;
  /** stdout and stderr, in the order in which they came. */
  readonly text: string;
  readonly stdout: string;
}

/** The program `nbak`, with relative paths meant below `directory`. */
export class Program {
  readonly #directory: string;
  readonly #narrator: Narrator;

  constructor(directory: string, narrator: Narrator) {
    this.#directory = directory;
    this.#narrator = narrator;
  }

  /** Runs a command and shows everything. */
  async show(...args: readonly string[]): Promise<ProgramRun> {
    this.#narrator.command(['nbak', ...args].map(quoted).join(' '));
    const run = await this.#run(args);
    this.#narrator.output(run.text);
    if (run.code !== 0) this.#narrator.output(`(exit code ${run.code})`);
    return run;
  }

  /**
   * Runs a command with `--json` and returns the document, which is too long to be shown.
   *
   * @throws Error when the program fails.
   */
  async read<Document>(...args: readonly string[]): Promise<Document> {
    const { code, stdout, text } = await this.#run([...args, '--json']);
    if (code !== 0) throw new Error(`nbak ${args.join(' ')} ended with exit code ${code}: ${text.trim()}`);
    return JSON.parse(stdout) as Document;
  }

  async #run(args: readonly string[]): Promise<ProgramRun> {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd: this.#directory,
      env: environmentFor(this.#directory),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const both: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      both.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => both.push(chunk));
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve(status ?? 1));
    });
    return { code, stdout: Buffer.concat(stdout).toString(), text: Buffer.concat(both).toString() };
  }
}

/** The user's own NBAK_ variables would lead to another repository, or hand a vault key to `verify`. */
function environmentFor(directory: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('NBAK_'));
  return { ...Object.fromEntries(own), NBAK_CACHE_DIR: `${directory}/cache` };
}

function quoted(argument: string): string {
  return /^[\w./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
