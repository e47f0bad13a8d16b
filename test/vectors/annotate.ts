/** CBOR as annotated hex: one line per item, indented by depth, its meaning behind it. */
import { byteAt, hex, readU32, readU64 } from '../reference/bytes.js';

const LINE_BYTES = 32;
const MEANING_COLUMN = 40;

interface Head {
  readonly major: number;
  readonly value: bigint;
  readonly length: number;
}

function headAt(bytes: Uint8Array, at: number): Head {
  const first = byteAt(bytes, at);
  const info = first & 31;
  const major = first >> 5;
  if (info < 24) return { major, value: BigInt(info), length: 1 };
  const size = 1 << (info - 24);
  if (size === 8) return { major, value: readU64(bytes, at + 1), length: 9 };
  if (size === 4) return { major, value: BigInt(readU32(bytes, at + 1)), length: 5 };
  const value = bytes.subarray(at + 1, at + 1 + size).reduce((sum, byte) => sum * 256 + byte, 0);
  return { major, value: BigInt(value), length: 1 + size };
}

function meaningOf(bytes: Uint8Array, at: number, { major, value, length }: Head): string {
  const start = at + length;
  switch (major) {
    case 0:
      return String(value);
    case 1:
      return String(-1n - value);
    case 2:
      return `bytes(${value})`;
    case 3:
      return JSON.stringify(new TextDecoder().decode(bytes.subarray(start, start + Number(value))));
    case 4:
      return `array(${value})`;
    case 5:
      return `map(${value})`;
    case 6:
      return `tag(${value})`;
    default:
      return { 20: 'false', 21: 'true', 22: 'null' }[Number(value)] ?? 'simple';
  }
}

/** One line: hex, indented, and what it means. */
function line(depth: number, digits: string, meaning: string): string {
  const left = '  '.repeat(depth) + digits;
  return meaning === '' ? left : `${left.padEnd(MEANING_COLUMN)}  # ${meaning}`;
}

/** Appends the lines of one item; gives the offset behind it. */
function annotateItem(bytes: Uint8Array, at: number, depth: number, lines: string[]): number {
  const head = headAt(bytes, at);
  const meaning = meaningOf(bytes, at, head);
  const start = at + head.length;
  const isString = head.major === 2 || head.major === 3;
  const end = isString ? start + Number(head.value) : start;
  const isShort = end - at <= 16;
  lines.push(line(depth, hex(bytes.subarray(at, isShort ? end : start)), meaning));
  if (!isShort)
    lines.push(...hexLines(bytes.subarray(start, end)).map((digits) => line(depth + 1, digits, '')));
  let items = head.major === 4 ? Number(head.value) : head.major === 5 ? 2 * Number(head.value) : 0;
  if (head.major === 6) items = 1;
  let position = end;
  for (; items > 0; items -= 1) position = annotateItem(bytes, position, depth + 1, lines);
  return position;
}

/** Hex in lines of 32 bytes. */
export function hexLines(bytes: Uint8Array): string[] {
  const count = Math.ceil(bytes.length / LINE_BYTES);
  return Array.from({ length: count }, (_, i) => hex(bytes.subarray(i * LINE_BYTES, (i + 1) * LINE_BYTES)));
}

/** The annotated hex of exactly one item. */
export function annotateCbor(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  const end = annotateItem(bytes, 0, 0, lines);
  if (end !== bytes.length) throw new RangeError('something follows the item');
  return lines;
}
