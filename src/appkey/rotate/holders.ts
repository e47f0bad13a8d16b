/** The files that hold tokens, during a rotation: all databases in one process, JSON and YAML files here. Implements §23.2. */

import { readFileSync, rmSync } from 'node:fs';
import type { TokenRotation } from '../../source/tokens/reseal.js';
import { countRotatedInFile, countRotatingInFile, resealFile } from '../../source/tokens/reseal-file.js';
import { RotationProcess } from '../../source/tokens/rotation-process.js';
import type { TokenTally } from '../../source/tokens/token-counter.js';
import type { KeyToRotate, TokenHolder } from './plan.js';
import { moveOver, writeLike } from './replacement.js';

/** Behind the name of a file that shall replace it. */
const REPLACEMENT_SUFFIX = '.nbak-rotated';

/** The tallies of each holder, in order. */
export type HolderTallies = ReadonlyMap<TokenHolder, readonly TokenTally[]>;

/** A file whose tokens are sealed anew, beside the one that it replaces. */
interface Replacement {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** Token holders under rotation. Close them, however it ends. */
export class RotatingHolders {
  readonly #databases: readonly TokenHolder[];
  readonly #files: readonly TokenHolder[];
  readonly #rotations: ReadonlyMap<TokenHolder, readonly TokenRotation[]>;
  readonly #process: RotationProcess | undefined;
  #replacements: Replacement[] = [];

  /** @param nextKeys - the text of the key that each goes to. */
  constructor(holders: readonly TokenHolder[], nextKeys: ReadonlyMap<KeyToRotate, string>) {
    this.#databases = holders.filter(({ kind }) => kind === 'database');
    this.#files = holders.filter(({ kind }) => kind === 'file');
    this.#rotations = new Map(
      holders.map((holder) => [
        holder,
        holder.spots.map(({ spot, key }) => ({ spot, from: key.text, to: nextKeys.get(key) ?? key.text })),
      ]),
    );
    this.#process = this.#databases.length === 0 ? undefined : new RotationProcess();
  }

  /** Locks the databases until the end, and counts what opens with either key. */
  async lock(): Promise<HolderTallies> {
    const databases = this.#databases.map((holder) => ({
      path: holder.path.toString('latin1'),
      rotations: this.#of(holder),
    }));
    const tallies = await this.#process?.ask({ kind: 'lock', databases });
    return this.#tallies(tallies, (file) => countRotatingInFile(readFileSync(file.path), this.#of(file)));
  }

  /** Seals anew in open transactions and in files beside the old ones, and counts there what opens with the new keys. */
  async prepare(): Promise<HolderTallies> {
    const tallies = await this.#process?.ask({ kind: 'reseal' });
    return this.#tallies(tallies, async (file) => {
      const bytes = readFileSync(file.path);
      const resealed = await resealFile(bytes, this.#of(file));
      if (resealed === undefined) return countRotatedInFile(bytes, this.#of(file));
      const from = Buffer.concat([file.path, Buffer.from(REPLACEMENT_SUFFIX)]);
      this.#replacements.push({ from, to: file.path });
      writeLike(from, resealed, file.path);
      return countRotatedInFile(resealed, this.#of(file));
    });
  }

  /** Commits database by database, then puts file by file in its place. */
  async write(onWritten: () => void): Promise<void> {
    for (const index of this.#databases.keys()) {
      await this.#process?.ask({ kind: 'commit', index });
      onWritten();
    }
    for (const { from, to } of this.#replacements) {
      moveOver(from, to);
      onWritten();
    }
    this.#replacements = [];
  }

  /** Counts what lies there now, with the new keys alone. */
  async check(): Promise<HolderTallies> {
    const tallies = await this.#process?.ask({ kind: 'count' });
    return this.#tallies(tallies, (file) => countRotatedInFile(readFileSync(file.path), this.#of(file)));
  }

  /** Lets go of the databases, rolling back what is not committed, and removes what was not put in its place. */
  async close(): Promise<void> {
    for (const { from } of this.#replacements) rmSync(from, { force: true });
    await this.#process?.end();
  }

  #of(holder: TokenHolder): readonly TokenRotation[] {
    return this.#rotations.get(holder) ?? [];
  }

  async #tallies(
    ofDatabases: readonly (readonly TokenTally[])[] = [],
    count: (file: TokenHolder) => Promise<readonly TokenTally[]>,
  ): Promise<HolderTallies> {
    const tallies = new Map(this.#databases.map((holder, i) => [holder, ofDatabases[i] ?? []]));
    for (const file of this.#files) tallies.set(file, await count(file));
    return tallies;
  }
}
