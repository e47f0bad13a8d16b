/** Tokens in JSON and YAML files, counted under two keys and sealed anew. */

import { countInFile, documentsIn } from './file-tokens.js';
import { textsAt } from './field.js';
import { openedByEither, queriesUnder, Resealer, type TokenRotation } from './reseal.js';
import { tokenIn, type TokenTally } from './token-counter.js';

/** How many tokens open with the old key or the new one, of each rotation in order. */
export async function countRotatingInFile(
  bytes: Uint8Array,
  rotations: readonly TokenRotation[],
): Promise<readonly TokenTally[]> {
  const before = await countInFile(bytes, queriesUnder('from', rotations));
  return openedByEither(before, await countRotatedInFile(bytes, rotations));
}

/** How many open with the new key. */
export function countRotatedInFile(
  bytes: Uint8Array,
  rotations: readonly TokenRotation[],
): Promise<readonly TokenTally[]> {
  return countInFile(bytes, queriesUnder('to', rotations));
}

/** The file with its tokens sealed anew, all else byte for byte what it was; undefined where there are none. */
export async function resealFile(
  bytes: Uint8Array,
  rotations: readonly TokenRotation[],
): Promise<Uint8Array | undefined> {
  let result: Uint8Array | undefined;
  for (const { spot, from, to } of rotations) {
    const current = result ?? bytes;
    const documents = await documentsIn(Buffer.from(current).toString('utf8'), spot.in);
    const tokens = documents
      .flatMap((document) => [...textsAt(document, spot.field)])
      .flatMap(({ text }) => tokenIn(text, spot.prefix) ?? []);
    result = new Resealer({ from, to }).resealWithin(current, tokens) ?? result;
  }
  return result;
}
