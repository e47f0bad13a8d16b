/** Which Ed25519 public keys may enter at all. Implements §4.3; portable, no provider needed. */

import { NbakError } from '../errors.js';

const P = 2n ** 255n - 19n;
// RFC 8032 §5.1: d = −121665/121666.
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
// The y coordinates of the eight points of small order: orders 1, 2, 4 and, twice, 8.
const ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, ORDER_8_Y, P - ORDER_8_Y]);

/**
 * Refuses a public key that is not canonical, not on the curve, or of small order.
 *
 * @param bytes - the RFC 8032 encoding, 32 bytes.
 * @throws NbakError `PUBLIC_KEY_MALFORMED`.
 */
export function assertAcceptablePublicKey(bytes: Uint8Array): void {
  const known = bytes.join();
  if (accepted.has(known)) return;
  const why = reasonToRefuse(bytes);
  if (why === undefined) {
    accepted.add(known);
    return;
  }
  throw new NbakError('PUBLIC_KEY_MALFORMED', `Cannot accept an Ed25519 public key: it ${why}`, {
    details: { clause: '§4.3' },
    hint: 'Use the verification key that `nbak init` printed.',
  });
}

/** A repository has a handful of keys and asks for them again with each opening; the check costs most of that. */
const accepted = new Set<string>();

function reasonToRefuse(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 32) return `has ${bytes.length} bytes instead of 32`;
  let y = 0n;
  for (let i = 31; i >= 0; i -= 1)
    y = (y << 8n) | BigInt(i === 31 ? (bytes[i] ?? 0) & 0x7f : (bytes[i] ?? 0));
  if (y >= P) return 'is not canonically encoded';
  if (SMALL_ORDER_Y.has(y)) return 'is a point of small order';
  // x² = (y² − 1) / (d·y² + 1) must be a square: Euler's criterion on numerator · denominator.
  const yy = (y * y) % P;
  const product = (mod(yy - 1n) * mod(D * yy + 1n)) % P;
  return power(product, (P - 1n) / 2n) === 1n ? undefined : 'is not a point of the curve';
}

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let e = exponent, b = base % P; e > 0n; e >>= 1n, b = (b * b) % P) {
    if ((e & 1n) === 1n) result = (result * b) % P;
  }
  return result;
}
