/** English-like text: a vocabulary of syllables with the frequencies of a language, in sentences. */

import { Seeded } from './seeded.js';

const VOCABULARY = 20_000;
const TABLE = 65_536;
/** Zipf's law as Mandelbrot mended it: the n-th word has a frequency of 1 / (n + 2.7). */
const MANDELBROT = 2.7;
/** From these ranks on words have another syllable at most. */
const RANKS = [150, 2500, 12_000];
const ONSETS = ' b c d f g h l m n p r s t w st tr pr ch sh th br gr'.split(' ');
const VOWELS = 'a e i o u ea ou ai'.split(' ');
const CODAS = '      n n r s t l d m ng st'.split(' ');

const words = makeWords();
/** Drawing from this table draws words by their frequencies. */
const table = makeTable();

/** `length` characters of ASCII: sentences of 4 to 19 words with capitals and full stops. */
export function text(random: Seeded, length: number): string {
  let out = '';
  let left = 0;
  while (out.length < length) {
    const word = words[table[random.below(TABLE)] ?? 0] ?? '';
    if (left === 0) {
      left = 4 + random.below(16);
      out += `${out === '' ? '' : '. '}${word.charAt(0).toUpperCase()}${word.slice(1)}`;
    } else out += ` ${word}`;
    left -= 1;
  }
  return `${out.slice(0, length - 1)}.`;
}

function makeWords(): readonly string[] {
  const random = new Seeded('vocabulary');
  const pick = (parts: readonly string[]): string => parts[random.below(parts.length)] ?? '';
  const found = new Set<string>();
  while (found.size < VOCABULARY) {
    // Frequent words are short.
    const syllables = 1 + RANKS.filter((rank) => found.size >= rank).length - random.below(2);
    let word = '';
    for (let i = 0; i < Math.max(1, syllables); i += 1) word += pick(ONSETS) + pick(VOWELS) + pick(CODAS);
    found.add(word);
  }
  return [...found];
}

function makeTable(): Uint16Array {
  const weights = words.map((_, i) => 1 / (i + MANDELBROT));
  const total = weights.reduce((a, b) => a + b, 0);
  const drawn = new Uint16Array(TABLE);
  let sum = 0;
  let next = 0;
  for (const [word, weight] of weights.entries()) {
    sum += (weight / total) * TABLE;
    while (next < sum && next < TABLE) drawn[next++] = word;
  }
  return drawn;
}
