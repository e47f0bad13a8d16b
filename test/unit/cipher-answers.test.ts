/** Memory that a cipher's answer lay in is free as soon as the answer was copied, not when the collector comes. */

import { describe, expect, it } from 'vitest';
import { freeAnswer } from '#nbak/crypto/answers.js';
import { nodeCrypto } from '#nbak/crypto/node.js';

const KEY = new Uint8Array(32);
const NONCE = new Uint8Array(12);
const PLAINTEXT = new Uint8Array(512 * 1024).fill(7);
const TAG_BYTES = 16;

/** How much more memory buffers take after `work` was done ten times. The collector would come for more than that. */
function growthOf(work: () => void): number {
  work();
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 10; i += 1) work();
  return process.memoryUsage().arrayBuffers - before;
}

describe('memory of ciphers', () => {
  const sealed = new Uint8Array(PLAINTEXT.length + TAG_BYTES);
  const opened = new Uint8Array(PLAINTEXT.length);

  it('does not grow with what is sealed into the memory of the caller', () => {
    expect(growthOf(() => nodeCrypto.aesGcmSealInto(KEY, NONCE, [PLAINTEXT], sealed))).toBeLessThan(
      PLAINTEXT.length,
    );
  });

  it('does not grow with what is opened into the memory of the caller', () => {
    nodeCrypto.aesGcmSealInto(KEY, NONCE, [PLAINTEXT], sealed);
    expect(
      growthOf(() => expect(nodeCrypto.aesGcmOpenInto(KEY, NONCE, sealed, opened)).toBe(true)),
    ).toBeLessThan(PLAINTEXT.length);
    expect(Buffer.compare(opened, PLAINTEXT)).toBe(0);
  });

  it('is given away where an answer has it alone, and left where others lie in it', () => {
    const alone = new Uint8Array(8);
    freeAnswer(alone);
    expect(alone.length).toBe(0);
    const both = new Uint8Array(16).fill(1);
    freeAnswer(both.subarray(8));
    expect(both).toEqual(new Uint8Array(16).fill(1));
  });
});
