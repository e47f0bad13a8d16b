/** Tokens in JSON and YAML files. */

import { fernetOf, type TokenQuery } from './database-tokens.js';
import { parseJson, textsAt } from './field.js';
import { TokenCounter, type NamedTally } from './token-counter.js';

/** Longest file that is looked into, in bytes: settings, not data. */
export const MOST_TOKEN_FILE_BYTES = 64 * 1024 * 1024;

/** Counts the tokens of each query in one file, in order; what cannot be parsed holds none. */
export async function countInFile(
  bytes: Uint8Array,
  queries: readonly TokenQuery[],
): Promise<readonly NamedTally[]> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const tallies: NamedTally[] = [];
  for (const { spot, key } of queries) {
    const counter = new TokenCounter(fernetOf(key), spot.prefix);
    for (const document of await documentsIn(text, spot.in))
      for (const { at, text: each } of textsAt(document, spot.field)) counter.add(each, at);
    tallies.push(counter.tally());
  }
  return tallies;
}

/** The documents of a text: one of JSON, any number of YAML, none where it is neither. */
export async function documentsIn(
  text: string,
  format: TokenQuery['spot']['in'],
): Promise<readonly unknown[]> {
  if (format === 'json') return [parseJson(text.replace(/^\uFEFF/, ''))];
  // Few profiles need it.
  const { parseAllDocuments } = await import('yaml');
  try {
    return [...parseAllDocuments(text)].map((document) => document.toJS() as unknown);
  } catch {
    return [];
  }
}
