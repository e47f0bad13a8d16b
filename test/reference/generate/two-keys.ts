/**
 * One AES-256-GCM ciphertext that authenticates under two keys (attack A13): GHASH is linear in each block, so one
 * block can be solved for that makes both authentication tags the same.
 */
import { ecb, gcm } from '@noble/ciphers/aes.js';
import { concat, hex, unhex, u64, zeros } from '../bytes.js';

const BLOCK = 16;

/** R of SP 800-38D §6.3: the field's polynomial, bits in GCM's order. */
const POLYNOMIAL = 0xe1n << 120n;

const numberOf = (block: Uint8Array): bigint => BigInt(`0x${hex(block)}`);
const blockOf = (value: bigint): Uint8Array => unhex(value.toString(16).padStart(2 * BLOCK, '0'));

function multiply(x: bigint, y: bigint): bigint {
  let product = 0n;
  for (let bit = 127n, power = y; bit >= 0n; bit -= 1n) {
    if (((x >> bit) & 1n) === 1n) product ^= power;
    power = (power & 1n) === 1n ? (power >> 1n) ^ POLYNOMIAL : power >> 1n;
  }
  return product;
}

/** x⁻¹ = x^(2¹²⁸ − 2). */
function inverse(x: bigint): bigint {
  let result = 1n << 127n;
  for (let i = 0, power = multiply(x, x); i < 127; i += 1, power = multiply(power, power))
    result = multiply(result, power);
  return result;
}

/** What GCM computes its tag with: the hash key and the mask of the first counter block. */
class Tagger {
  readonly hashKey: bigint;
  readonly #mask: bigint;

  constructor(key: Uint8Array, nonce: Uint8Array) {
    this.hashKey = numberOf(ecb(key, { disablePadding: true }).encrypt(zeros(BLOCK)));
    // GHASH of nothing is 0: the tag of the empty message is the mask alone.
    this.#mask = numberOf(gcm(key, nonce).encrypt(zeros(0)));
  }

  tagOf(ciphertext: Uint8Array): bigint {
    const lengths = concat(u64(0n), u64(BigInt(8 * ciphertext.length)));
    const blocks = concat(ciphertext, lengths);
    let sum = 0n;
    for (let at = 0; at < blocks.length; at += BLOCK)
      sum = multiply(sum ^ numberOf(blocks.subarray(at, at + BLOCK)), this.hashKey);
    return sum ^ this.#mask;
  }
}

/**
 * `ciphertext ‖ authentication tag` that both keys open, to different plaintexts.
 *
 * @param plaintext - what `first` opens it to, except for the last 16 bytes, which are what they must be; whole blocks.
 */
export function sealForTwoKeys(
  [first, second]: readonly [Uint8Array, Uint8Array],
  nonce: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  if (plaintext.length === 0 || plaintext.length % BLOCK !== 0) throw new RangeError('not whole blocks');
  const last = plaintext.length - BLOCK;
  const known = gcm(first, nonce).encrypt(plaintext).slice(0, last);
  const [one, other] = [new Tagger(first, nonce), new Tagger(second, nonce)];
  const empty = concat(known, zeros(BLOCK));
  // The last block is multiplied by the square of the hash key, the block of lengths coming after it.
  const square = (x: bigint): bigint => multiply(x, x);
  const factor = square(one.hashKey) ^ square(other.hashKey);
  const solved = multiply(one.tagOf(empty) ^ other.tagOf(empty), inverse(factor));
  const ciphertext = concat(known, blockOf(solved));
  return concat(ciphertext, blockOf(one.tagOf(ciphertext)));
}
