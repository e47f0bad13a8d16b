/** Deterministic CBOR and its strict reading. Implements spec/format.md §5.1 and §5.2. */

import { decode, encode, rfc8949EncodeOptions, Tokenizer, type DecodeOptions, type Token } from 'cborg';
import { NbakError } from '../errors.js';
import { equalBytes } from './bytes.js';
import { LIMITS } from './limits.js';

/** What CBOR of this format decodes to; maps are always `Map`. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<string | number, CborValue>;

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
  const { hasMark } = scan(bytes, structure, mostItems);
  let value: CborValue;
  try {
    const options = hasMark ? { ...STRICT, tokenizer: new MarkTokenizer(bytes) } : STRICT;
    value = decode(bytes, options) as CborValue;
  } catch (cause) {
    throw invalid(structure, 'it is not strict CBOR', cause);
  }
  assertPlainKeys(value, structure);
  // cborg's strict mode checks neither key order nor everything else (§5.2 step 3): only equality does.
  if (!equalBytes(encodeCbor(value), bytes)) throw invalid(structure, 'it is not deterministic CBOR');
  return value;
}

const STRICT: DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  // The default of decode(), and not of a Tokenizer that is made by hand.
  allowBigInt: true,
  rejectDuplicateMapKeys: true,
  useMaps: true,
};

/** Keeps a byte order mark at the beginning of a text, which cborg's decoder drops. */
class MarkTokenizer extends Tokenizer {
  static readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(bytes: Uint8Array) {
    super(bytes, { ...STRICT, retainStringBytes: true });
  }

  override next(): Token {
    const token = super.next();
    if (token.type.name === 'string' && token.byteValue !== undefined)
      token.value = MarkTokenizer.#decoder.decode(token.byteValue);
    return token;
  }
}

/** §5.1: keys are integers or text; cborg does not see that two byte strings are one key. */
function assertPlainKeys(value: CborValue, structure: string): void {
  if (Array.isArray(value))
    for (const item of value as readonly CborValue[]) assertPlainKeys(item, structure);
  if (!(value instanceof Map)) return;
  for (const [key, item] of value as ReadonlyMap<CborValue, CborValue>) {
    if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint')
      throw invalid(structure, 'a map has a key that is neither an integer nor text');
    assertPlainKeys(item, structure);
  }
}

function invalid(structure: string, why: string, cause?: unknown): NbakError {
  return new NbakError('FORMAT_INVALID', `Cannot read ${structure}: ${why}`, {
    details: { structure, clause: '§5.2' },
    ...(cause === undefined ? {} : { cause }),
  });
}

const MAJOR_NEGATIVE = 1;
const MAJOR_BYTES = 2;
const MAJOR_TEXT = 3;
const MAJOR_ARRAY = 4;
const MAJOR_MAP = 5;
const MAJOR_TAG = 6;
const MAJOR_SIMPLE = 7;

/**
 * §5.2 step 1: walks the heads without building anything.
 *
 * @returns whether a text may begin with a byte order mark.
 */
function scan(bytes: Uint8Array, structure: string, mostItems: number): { readonly hasMark: boolean } {
  let hasMark = false;
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
      if (major === MAJOR_TEXT && argument >= 3 && bytes[offset] === 0xef) hasMark = true;
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
  return { hasMark };
}

function tooManyItems(structure: string): NbakError {
  const most = LIMITS.cborItems;
  return new NbakError('LIMIT_EXCEEDED', `Cannot read ${structure}: CBOR has more than ${most} items`, {
    details: { structure, limit: 'cborItems', most },
  });
}
