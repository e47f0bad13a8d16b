/** Counts the tokens of app keys in what was restored, and compares with what the backup says (§22.4.1). */

import { readFileSync } from 'node:fs';
import { pathToBytes, pathToText } from '../format/path.js';
import {
  listedPathOf,
  placesByFile,
  placeText,
  readAppKeys,
  type KeyedPlace,
} from '../repository/app-keys.js';
import type { TokenQuery } from '../source/tokens/database-tokens.js';
import { countInFile } from '../source/tokens/file-tokens.js';
import type { TokenTally } from '../source/tokens/token-counter.js';
import type { PlannedEntry, RestoreProblem, RestoreSource } from './result.js';

/** The tokens of one restore. */
export class TokenCheck {
  /** Tokens that opened, and did not, in all files looked at. */
  opened = 0;
  failed = 0;
  readonly #source: RestoreSource;
  readonly #places: ReadonlyMap<string, readonly KeyedPlace[]>;

  private constructor(source: RestoreSource, places: ReadonlyMap<string, readonly KeyedPlace[]>) {
    this.#source = source;
    this.#places = places;
  }

  /** @throws NbakError what opening the backup's app keys throws. */
  static async open(source: RestoreSource): Promise<TokenCheck> {
    const keys = await readAppKeys(source.backup, source.detail, source.blobs);
    return new TokenCheck(source, placesByFile(keys));
  }

  /** Whether anything is to be counted at all. */
  get isNeeded(): boolean {
    return this.#places.size > 0;
  }

  /** What is to be counted in a file. */
  queriesOf(file: PlannedEntry): readonly TokenQuery[] {
    return this.#placesOf(file).map(({ place, key }) => ({ spot: place, key }));
  }

  /** Counts what is in a JSON or YAML file, and compares. */
  async checkFile(file: PlannedEntry, path: Uint8Array): Promise<readonly RestoreProblem[]> {
    const queries = this.queriesOf(file);
    if (queries.length === 0) return [];
    return this.compare(file, await countInFile(readFileSync(Buffer.from(path)), queries));
  }

  /** Says where fewer tokens open than at capture; `tallies` in the order of the queries. */
  compare(file: PlannedEntry, tallies: readonly TokenTally[]): readonly RestoreProblem[] {
    return this.#placesOf(file).flatMap(({ place }, i) => {
      const { opened = 0, failed = 0 } = tallies[i] ?? {};
      this.opened += opened;
      this.failed += failed;
      if (opened >= place.opened) return [];
      const message = `${placeText(place, this.#source.detail)}: ${opened} tokens open with the app key, ${place.opened} did when it was backed up`;
      return [{ path: pathToText(file.place), code: 'TOKEN_DEAD', message }];
    });
  }

  #placesOf(file: PlannedEntry): readonly KeyedPlace[] {
    return this.isNeeded ? (this.#places.get(listedPathOf(file)) ?? []) : [];
  }
}

/** Where a restored file lies, as bytes. */
export function restoredAt(target: string, { place }: PlannedEntry): Uint8Array {
  return Buffer.concat([Buffer.from(`${target}/`), pathToBytes(place)]);
}
