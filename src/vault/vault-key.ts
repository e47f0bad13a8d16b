/** The text of a vault key and the bytes it stands for. Implements §2.1–§2.4. */

import { bech32m } from '@scure/base';
import { NbakError } from '../errors.js';
import { utf8 } from '../format/bytes.js';

const PREFIX = 'nbakkey';
const KEY_BYTES = 32;
/** 2⁹⁶ guesses (§2.4), as zxcvbn counts: a decimal logarithm. */
const GUESSES_LOG10 = 96 * Math.log10(2);

/**
 * The text form of 32 random bytes (§2.2).
 *
 * @throws RangeError unless there are 32.
 */
export function formatVaultKey(bytes: Uint8Array): string {
  if (bytes.length !== KEY_BYTES)
    throw new RangeError(`formatVaultKey expects 32 bytes, got ${bytes.length}`);
  return bech32m.encode(PREFIX, bech32m.toWords(bytes));
}

/**
 * The key bytes of a vault key's text (§2.1).
 *
 * @throws NbakError `KEY_MALFORMED` when the text was meant as the text form and is not a valid one, or is a
 *   verification key; `KEY_MISSING` when it is empty.
 */
export function parseVaultKey(text: string): Uint8Array {
  if (text === '') {
    throw new NbakError('KEY_MISSING', 'The vault key is empty', {
      hint: 'Give the key that the repository was made with.',
    });
  }
  const candidate = trimAscii(text);
  if (lowerAscii(candidate).startsWith('nbakpub1')) {
    throw malformed(
      'this is a verification key (nbakpub1…), which opens nothing',
      'Give the vault key (nbakkey1…) instead.',
    );
  }
  if (!isMeantAsTextForm(candidate)) return utf8(text);
  const decoded = bech32m.decodeUnsafe(candidate);
  if (decoded === undefined || decoded.prefix !== PREFIX) {
    throw malformed(
      'its checksum does not match, so there is a typo in it',
      'Compare it with your copy, letter by letter.',
    );
  }
  const bytes = bech32m.fromWordsUnsafe(decoded.words);
  if (bytes === undefined || bytes.length !== KEY_BYTES)
    throw malformed('it has the wrong length', 'Copy all 66 characters of it.');
  return bytes;
}

function malformed(why: string, hint: string): NbakError {
  return new NbakError('KEY_MALFORMED', `Cannot use the vault key: ${why}`, {
    hint,
    details: { clause: '§2.3' },
  });
}

/** `text` without ASCII white space at both ends (§2.3). */
export function trimAscii(text: string): string {
  return text.replace(/^[\t-\r ]+|[\t-\r ]+$/g, '');
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** §2.3: what is close to the text form is a typo of it, never some other string. */
function isMeantAsTextForm(candidate: string): boolean {
  const lower = lowerAscii(candidate);
  if (lower.startsWith('nbak')) return true;
  // 32 bytes in hex are a common form of other systems' keys.
  if (/^[0-9a-f]{64}$/.test(candidate)) return false;
  const length = Array.from(lower).length;
  if (length < 64 || length > 68) return false;
  return /^.{5,9}1/su.test(lower) && /^[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}$/.test(lower.slice(-58));
}

/**
 * Refuses a text that could be guessed, where a vault key is *set* (§2.4). Loads the estimator on first use.
 *
 * @throws NbakError `KEY_GUESSABLE`, or what {@link parseVaultKey} throws.
 */
export async function assertUnguessable(text: string): Promise<void> {
  parseVaultKey(text);
  if (isMeantAsTextForm(trimAscii(text))) return;
  const [{ ZxcvbnFactory }, common] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
  ]);
  const estimator = new ZxcvbnFactory({ dictionary: common.dictionary, graphs: common.adjacencyGraphs });
  // The estimator is quadratic in length; 100 characters of anything unguessable are beyond the threshold.
  const { guessesLog10 } = estimator.check(text.slice(0, 100));
  if (guessesLog10 >= GUESSES_LOG10) return;
  throw new NbakError('KEY_GUESSABLE', 'Refusing to set this vault key: it could be guessed', {
    details: { requiredBits: 96, estimatedBits: Math.floor(guessesLog10 / Math.log10(2)) },
    hint: 'Make a key with `nbak key generate`.',
  });
}
