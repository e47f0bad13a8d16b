/** Compressing pages of databases: texts between embeddings, and texts alone. */

import { describe, expect, it } from 'vitest';
import { rawLiterals } from '#nbak/compression/literals.js';
import { suitsHuffman } from '#nbak/compression/noise.js';
import { compressSmaller, decompress } from '#nbak/compression/zstd.js';
import { randomLike } from '../support/tree.js';

const PAGES_BYTES = 112 * 1024;
const WORDS =
  'Whoever walks along the river hears what the water said to those before them, and says it on. ';

/** Letters of which no four were there before: nothing but Huffman's code makes them shorter. */
const letters = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => WORDS.charCodeAt(byte % WORDS.length));

/** Pages of 4 KiB, three quarters of them noise, the rest the same words again and again. */
function pagesWithEmbeddings(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i % 4096 < 3072 ? byte : WORDS.charCodeAt(i % WORDS.length)));
}

function compressed(bytes: Uint8Array): Uint8Array {
  const frame = compressSmaller(bytes, 'pages')?.slice();
  if (frame === undefined) throw new Error('it was not compressed');
  return frame;
}

describe('pages of a database', () => {
  const noise = Uint8Array.from(randomLike(PAGES_BYTES));
  const embeddings = pagesWithEmbeddings(noise);
  const texts = letters(noise);

  it('come out as they went in, whatever came before them', () => {
    for (const each of [embeddings, embeddings, texts, texts, embeddings])
      expect(Buffer.compare(decompress(compressed(each), PAGES_BYTES) ?? new Uint8Array(0), each)).toBe(0);
  });

  it('are as short after pages with embeddings as they are by themselves', () => {
    compressed(texts);
    const alone = compressed(texts).length;
    compressed(embeddings);
    compressed(embeddings);
    expect(compressed(texts)).toHaveLength(alone);
  });

  it('show their literals where those are stored as they are, which are noise then', () => {
    const literals = rawLiterals(compressed(embeddings));
    expect(literals?.length).toBeGreaterThan((PAGES_BYTES * 3) / 5);
    expect(suitsHuffman(literals ?? texts)).toBe(false);
    expect(rawLiterals(compressed(texts))).toBeUndefined();
  });
});
