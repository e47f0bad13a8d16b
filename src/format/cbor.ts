/** Deterministic CBOR and its strict reading. Implements spec/format.md §5.1 and §5.2. */

import { encode, rfc8949EncodeOptions } from 'cborg';
import { NbakError } from '../errors.js';
import { CborBuilder, NotDeterministic } from './cbor-build.js';
import type { CborValue } from './cbor-value.js';
import { LIMITS } from './limits.js';

export type { CborValue } from './cbor-value.js';

/** Encodes deterministically (§5.1). */
export function encodeCbor(value: CborValue): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

/**
 * Decodes exactly one deterministic CBOR item that fills `bytes` (§5.2).
 *
 * @param structure - what is being read, for the message.
 * @param mostItems - how many items its shape allows, where that is fewer than §15 does.
 * @throws NbakError `LIMIT_EXCEEDED` when it nests deeper or has more items than §15 allows; `FORMAT_INVALID` for
 *   everything else.
 */
export function decodeCbor(
  bytes: Uint8Array,
  structure: string,
  mostItems: number = LIMITS.cborItems,
): CborValue {
  scan(bytes, structure, mostItems);
  try {
    return new CborBuilder(bytes).next();
  } catch (error) {
    if (!(error instanceof NotDeterministic)) throw error;
    throw invalid(structure, `it is not deterministic CBOR: ${error.message}`);
  }
}

function invalid(structure: string, why: string): NbakError {
  return new NbakError('FORMAT_INVALID', `Cannot read ${structure}: ${why}`, {
    details: { structure, clause: '§5.2' },
  });
}

const MAJOR_NEGATIVE = 1;
const MAJOR_BYTES = 2;
const MAJOR_TEXT = 3;
const MAJOR_ARRAY = 4;
const MAJOR_MAP = 5;
const MAJOR_TAG = 6;
const MAJOR_SIMPLE = 7;

/** §5.2 step 1: walks the heads without building anything. */
function scan(bytes: Uint8Array, structure: string, mostItems: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Items still to come at each open level. */
  const open: number[] = [1];
  let offset = 0;
  let items = 0;
  while (open.length > 0) {
    const level = open.length - 1;
    const remaining = open[level] ?? 0;
    if (remaining === 0) {
      open.pop();
      continue;
    }
    open[level] = remaining - 1;
    const head = bytes[offset];
    if (head === undefined) throw invalid(structure, 'it ends too early');
    // One byte can be an item, and an item built takes some fifty.
    items += 1;
    if (items > LIMITS.cborItems) throw tooManyItems(structure);
    offset += 1;
    const major = head >> 5;
    const info = head & 31;
    let argument = info;
    if (info >= 24) {
      if (info > 27) throw invalid(structure, 'it has an indefinite or reserved length');
      const width = 1 << (info - 24);
      if (offset + width > bytes.length) throw invalid(structure, 'it ends too early');
      argument =
        width === 1
          ? view.getUint8(offset)
          : width === 2
            ? view.getUint16(offset)
            : width === 4
              ? view.getUint32(offset)
              : Number(view.getBigUint64(offset));
      offset += width;
    }
    // §5.1: the argument of −2⁶³ is 2⁶³−1; a double cannot tell it from 2⁶³, the head's first byte can.
    if (major === MAJOR_NEGATIVE && info === 27 && (bytes[offset - 8] ?? 0) >= 0x80)
      throw invalid(structure, 'it has an integer below −2⁶³');
    if (major === MAJOR_TAG) throw invalid(structure, 'it has a tag');
    if (major === MAJOR_SIMPLE) {
      if (head !== 0xf4 && head !== 0xf5 && head !== 0xf6)
        throw invalid(structure, 'it has a float or an unknown simple value');
    } else if (major === MAJOR_BYTES || major === MAJOR_TEXT) {
      if (argument > bytes.length - offset) throw invalid(structure, 'a length exceeds what is there');
      offset += argument;
    } else if (major === MAJOR_ARRAY || major === MAJOR_MAP) {
      const inside = major === MAJOR_MAP ? argument * 2 : argument;
      if (inside > bytes.length - offset) throw invalid(structure, 'a count exceeds what is there');
      if (open.length > LIMITS.cborDepth) {
        throw new NbakError(
          'LIMIT_EXCEEDED',
          `Cannot read ${structure}: CBOR nests deeper than ${LIMITS.cborDepth}`,
          {
            details: { structure, limit: 'cborDepth' },
          },
        );
      }
      open.push(inside);
    }
  }
  if (offset !== bytes.length) throw invalid(structure, 'bytes follow its end');
  if (items > mostItems) throw invalid(structure, `it has more than ${mostItems} items`);
}

function tooManyItems(structure: string): NbakError {
  const most = LIMITS.cborItems;
  return new NbakError('LIMIT_EXCEEDED', `Cannot read ${structure}: CBOR has more than ${most} items`, {
    details: { structure, limit: 'cborItems', most },
  });
}
