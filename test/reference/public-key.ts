/** Public keys that enter (spec §4.3) and cofactorless verification of signatures. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import type { ErrorCode } from '#nbak/errors.js';
import { concat, equal } from './bytes.js';
import { demand, fail } from './fail.js';

const { Point } = ed25519;
/** Order of the prime subgroup, RFC 8032 §5.1. */
export const ORDER = Point.Fn.ORDER;

/** A little-endian integer. */
export function integer(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function decodePoint(key: Uint8Array): InstanceType<typeof Point> | undefined {
  try {
    return Point.fromBytes(key, false);
  } catch {
    return undefined;
  }
}

/** Refuses a key that is no point, not canonical, or of small order, with `code`. */
export function checkPublicKey(key: Uint8Array, code: ErrorCode): void {
  const y = integer(key) & ((1n << 255n) - 1n);
  demand(y < Point.Fp.ORDER, code, '§4.3', 'y is not below 2²⁵⁵−19');
  const point = decodePoint(key);
  if (point === undefined) fail(code, '§4.3', 'not a point');
  demand(!point.isSmallOrder(), code, '§4.3', 'a point of small order');
}

/** Says whether `signature` verifies: S below the order, and R equal, as bytes, to the encoding of [S]B − [k]A. */
export function verifies(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  const r = signature.subarray(0, 32);
  const s = integer(signature.subarray(32));
  const point = decodePoint(key);
  if (s >= ORDER || point === undefined) return false;
  const k = integer(sha512(concat(r, key, message))) % ORDER;
  const minusKA = k === 0n ? Point.ZERO : point.multiplyUnsafe(k).negate();
  const sB = s === 0n ? Point.ZERO : Point.BASE.multiplyUnsafe(s);
  return equal(sB.add(minusKA).toBytes(), r);
}
