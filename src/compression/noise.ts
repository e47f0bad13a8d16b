/** Telling noise from what compresses, by samples. */

/**
 * Says whether compressing is likely to pay: false when samples of `bytes` look like noise. Random, encrypted and
 * already compressed data is most of what assistants store in uploads, and zstd spends its time on it in vain.
 */
export function looksCompressible(bytes: Uint8Array): boolean {
  return unevenness(bytes) > COMPRESSIBLE;
}

/**
 * Says whether Huffman's code is likely to make bytes shorter by the 64th that zstd asks for: of those, the others are
 * stored as they are after all the work.
 */
export function suitsHuffman(bytes: Uint8Array): boolean {
  return unevenness(bytes) > CODABLE;
}

/**
 * Many short samples: in pages of a database texts lie between embeddings, and what follows a byte is like it. Prime,
 * so that no page size is a multiple of the stride.
 */
const SAMPLES = 127;
const SAMPLE_BYTES = 16;
/** Unevenness of samples is 1 in noise, give or take 0.013, 1.1 in embeddings, and 16 in text. */
const COMPRESSIBLE = 1.1;
const CODABLE = 1.2;
const counts = new Int32Array(256);

/**
 * How many times as often two bytes of samples are the same as if all were equally frequent. Of what is shorter than
 * the samples nothing can be told: the most.
 */
function unevenness(bytes: Uint8Array): number {
  if (bytes.length < SAMPLES * SAMPLE_BYTES) return Infinity;
  counts.fill(0);
  const stride = Math.floor(bytes.length / SAMPLES);
  let total = 0;
  let pairs = 0;
  for (let start = 0; start + SAMPLE_BYTES <= bytes.length; start += stride) {
    for (let i = start; i < start + SAMPLE_BYTES; i += 1) {
      const byte = bytes[i] as number;
      const before = counts[byte] as number;
      pairs += before;
      counts[byte] = before + 1;
    }
    total += SAMPLE_BYTES;
  }
  return (512 * pairs) / (total * total);
}
