/**
 * Whether bytes are the deterministic encoding of one item that the format has. Implements steps 1 to 3 of §5.2: with
 * heads as short as can be, keys in ascending order and true UTF-8, encoding again gives the same bytes, so nobody needs
 * to do it. A property test holds this against encoding again.
 */

import { NbakError } from '../errors.js';
import { compareBytes } from './bytes.js';
import { LIMITS } from './limits.js';

/** The major types of CBOR (RFC 8949 §3.1). */
export const MAJOR = {
  uint: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const;
/** The simple values that the format has, by their heads. */
export const SIMPLE = { false: 0xf4, true: 0xf5, null: 0xf6 } as const;

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Walks the heads and builds nothing.
 *
 * @param structure - what is being read, for the message.
 * @param mostItems - how many items its shape allows, where that is fewer than §15 does.
 * @throws NbakError `LIMIT_EXCEEDED` when it nests deeper or has more items than §15 allows; `FORMAT_INVALID` for
 *   everything else.
 */
export function scan(bytes: Uint8Array, structure: string, mostItems: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Items still to come at each open level, two for each pair of a map. */
  const open: number[] = [1];
  /** Of open maps, their last key; nothing of arrays. */
  const keys: (Uint8Array | undefined)[] = [undefined];
  /** Told at the end: whether the bytes are an item at all comes first (§5.2 step 1). */
  let flaw: string | undefined;
  let offset = 0;
  let items = 0;
  while (open.length > 0) {
    const level = open.length - 1;
    const remaining = open[level] ?? 0;
    if (remaining === 0) {
      open.pop();
      keys.pop();
      continue;
    }
    open[level] = remaining - 1;
    const start = offset;
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
      argument = readArgument(view, offset, width);
      if (argument < (LEAST[info - 24] ?? 0)) flaw ??= 'a number takes more bytes than it needs';
      offset += width;
    }
    // §5.1: the argument of −2⁶³ is 2⁶³−1; a double cannot tell it from 2⁶³, the head's first byte can.
    if (major === MAJOR.negative && info === 27 && (bytes[offset - 8] ?? 0) >= 0x80)
      throw invalid(structure, 'it has an integer below −2⁶³');
    if (major === MAJOR.tag) throw invalid(structure, 'it has a tag');
    if (major === MAJOR.simple) {
      if (head !== SIMPLE.false && head !== SIMPLE.true && head !== SIMPLE.null)
        throw invalid(structure, 'it has a float or an unknown simple value');
    } else if (major === MAJOR.bytes || major === MAJOR.text) {
      if (argument > bytes.length - offset) throw invalid(structure, 'a length exceeds what is there');
      if (major === MAJOR.text && !isUtf8(bytes.subarray(offset, offset + argument)))
        flaw ??= 'a text is not UTF-8';
      offset += argument;
    }
    const lastKey = keys[level];
    if (lastKey !== undefined && remaining % 2 === 0) {
      const key = bytes.subarray(start, offset);
      flaw ??= flawOfKey(major, key, lastKey);
      keys[level] = key;
    }
    if (major === MAJOR.array || major === MAJOR.map) {
      const inside = major === MAJOR.map ? argument * 2 : argument;
      if (inside > bytes.length - offset) throw invalid(structure, 'a count exceeds what is there');
      if (level >= LIMITS.cborDepth) throw tooDeep(structure);
      open.push(inside);
      keys.push(major === MAJOR.map ? NO_KEY : undefined);
    }
  }
  if (offset !== bytes.length) throw invalid(structure, 'bytes follow its end');
  if (items > mostItems) throw invalid(structure, `it has more than ${mostItems} items`);
  if (flaw !== undefined) throw invalid(structure, `it is not deterministic CBOR: ${flaw}`);
}

/** Arguments have one form only, the shortest: what 1, 2, 4 and 8 bytes are for begins here. */
const LEAST: readonly number[] = [24, 0x100, 0x1_0000, 0x1_0000_0000];
/** Before every key. */
const NO_KEY = new Uint8Array();

/** The argument of a head, of 1, 2, 4 or 8 bytes; beyond 2^53 the nearest double. */
export function readArgument(view: DataView, offset: number, width: number): number {
  switch (width) {
    case 1:
      return view.getUint8(offset);
    case 2:
      return view.getUint16(offset);
    case 4:
      return view.getUint32(offset);
    default:
      return Number(view.getBigUint64(offset));
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8Decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function flawOfKey(major: number, key: Uint8Array, last: Uint8Array): string | undefined {
  // §5.1: keys are integers or text.
  if (major !== MAJOR.uint && major !== MAJOR.negative && major !== MAJOR.text)
    return 'a map has a key that is neither an integer nor text';
  return compareBytes(last, key) < 0 ? undefined : 'the keys of a map do not ascend';
}

function invalid(structure: string, why: string): NbakError {
  return new NbakError('FORMAT_INVALID', `Cannot read ${structure}: ${why}`, {
    details: { structure, clause: '§5.2' },
  });
}

function tooManyItems(structure: string): NbakError {
  const most = LIMITS.cborItems;
  return new NbakError('LIMIT_EXCEEDED', `Cannot read ${structure}: CBOR has more than ${most} items`, {
    details: { structure, limit: 'cborItems', most },
  });
}

function tooDeep(structure: string): NbakError {
  const most = LIMITS.cborDepth;
  return new NbakError('LIMIT_EXCEEDED', `Cannot read ${structure}: CBOR nests deeper than ${most}`, {
    details: { structure, limit: 'cborDepth' },
  });
}
