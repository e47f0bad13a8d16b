/** CBOR is accepted exactly when encoding it again gives the same bytes, as the reference codec checks (§5.2). */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { decodeCbor, encodeCbor, type CborValue } from '#nbak/format/cbor.js';
import { decode } from '../reference/cbor.js';
import { mutated, runs } from '../support/arbitraries.js';

/** Where the form of a number changes, and where doubles and 64 bits end. */
const BORDERS = [0, 23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 2 ** 32, 2 ** 53 - 2]
  .map(BigInt)
  .concat([2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]);

/** A head whose argument may take more bytes than it needs: `wider` widths more, at most eight bytes. */
function head(major: number, argument: bigint, wider: number): Uint8Array {
  const widths = [0, 1, 2, 4, 8];
  const least =
    argument < 24n ? 0 : widths.findIndex((width) => width > 0 && argument < 1n << BigInt(8 * width));
  const width = widths[Math.min(least + wider, 4)] ?? 8;
  if (width === 0) return Uint8Array.of((major << 5) | Number(argument));
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(argument, 1);
  return Uint8Array.of((major << 5) | (24 + Math.log2(width)), ...bytes.subarray(9 - width));
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const wider = fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) });
const argument = fc.oneof(fc.nat(300).map(BigInt), fc.constantFrom(...BORDERS));
const integer = fc.tuple(fc.nat(1), argument, wider).map(([major, value, more]) => head(major, value, more));
const content = fc.oneof(
  fc.string({ maxLength: 30 }).map((text) => new Uint8Array(Buffer.from(text))),
  // A byte order mark, alone and before more; what is no UTF-8: too long, a surrogate, beyond the end, cut off.
  fc
    .constantFrom('efbbbf', 'efbbbf78', 'efbfbd', 'ff', 'c080', 'eda080', 'f4908080', 'efbb')
    .map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
);
const string = fc
  .tuple(fc.constantFrom(2, 3), content, wider)
  .map(([major, bytes, more]) => joined(head(major, BigInt(bytes.length), more), bytes));
const simple = fc.constantFrom(0xf4, 0xf5, 0xf6, 0xf7, 0xe0).map((byte) => Uint8Array.of(byte));

const { item } = fc.letrec<{ item: Uint8Array; array: Uint8Array; map: Uint8Array }>((tie) => ({
  item: fc.oneof({ maxDepth: 4 }, integer, string, simple, tie('array'), tie('map')),
  array: fc
    .tuple(fc.array(tie('item'), { maxLength: 4 }), wider)
    .map(([items, more]) => joined(head(4, BigInt(items.length), more), ...items)),
  map: fc
    .tuple(
      fc.array(fc.tuple(fc.oneof(integer, string, tie('item')), tie('item')), { maxLength: 4 }),
      fc.boolean(),
      wider,
    )
    .map(([pairs, sorted, more]) => {
      const inOrder = sorted ? pairs.toSorted(([a], [b]) => Buffer.compare(a, b)) : pairs;
      return joined(head(5, BigInt(pairs.length), more), ...inOrder.flat());
    }),
}));

/** What a decoder makes of bytes: a value, or the code of its refusal. */
function outcome(run: () => unknown): unknown {
  try {
    return { value: run() };
  } catch (error) {
    if (isNbakError(error)) return { refused: error.code };
    throw error;
  }
}

it('CBOR near the deterministic form is accepted and refused as by the reference, with the same value', () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof(item, item.chain(mutated)), (bytes) => {
      const ours = outcome(() => decodeCbor(bytes, 'a test'));
      expect(ours).toEqual(outcome(() => decode(bytes)));
      if ((ours as object).hasOwnProperty('value')) accepted += 1;
    }),
    runs(3000),
  );
  expect(accepted).toBeGreaterThan(500);
});

it('What was decoded from bytes does not change with them', () => {
  const bytes = encodeCbor([Uint8Array.of(1, 2, 3)]);
  const [inside] = decodeCbor(bytes, 'a test') as readonly CborValue[];
  bytes.fill(0);
  expect(inside).toEqual(Uint8Array.of(1, 2, 3));
});
