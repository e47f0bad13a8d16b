/** Deterministic CBOR (spec §5.1, §5.2): scan, build, encode again, compare. No tags; §4.1 handles its own. */
import { ascii, byteAt, compare, concat, equal, readU32, readU64, u32, u64, u8 } from './bytes.js';
import { demand, fail } from './fail.js';
import { LIMITS } from './limits.js';

/** What the format knows of CBOR. Integers are numbers where a double holds them exactly, else bigints. */
export type Cbor = number | bigint | string | Uint8Array | boolean | null | Cbor[] | Map<Cbor, Cbor>;

const UINT = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;

function head(major: number, value: number | bigint): Uint8Array {
  const n = BigInt(value);
  const top = major << 5;
  if (n < 24n) return u8(top | Number(n));
  if (n < 0x100n) return Uint8Array.of(top | 24, Number(n));
  if (n < 0x10000n) return Uint8Array.of(top | 25, Number(n >> 8n), Number(n & 0xffn));
  if (n < 0x100000000n) return concat(u8(top | 26), u32(Number(n)));
  return concat(u8(top | 27), u64(n));
}

/** A map of text keys; the order of `fields` does not matter. */
export const map = (fields: Readonly<Record<string, Cbor>>): Map<Cbor, Cbor> =>
  new Map(Object.entries(fields));

/** The one deterministic encoding of `value`. */
export function encode(value: Cbor): Uint8Array {
  if (value === null) return u8(0xf6);
  if (typeof value === 'boolean') return u8(value ? 0xf5 : 0xf4);
  if (typeof value === 'number' || typeof value === 'bigint') {
    return value >= 0 ? head(UINT, value) : head(NEGATIVE, -1n - BigInt(value));
  }
  if (typeof value === 'string') {
    const utf8 = ascii(value);
    return concat(head(TEXT, utf8.length), utf8);
  }
  if (value instanceof Uint8Array) return concat(head(BYTES, value.length), value);
  if (Array.isArray(value)) return concat(head(ARRAY, value.length), ...value.map(encode));
  const pairs = [...value].map(([key, item]) => ({ key: encode(key), item: encode(item) }));
  pairs.sort((a, b) => compare(a.key, b.key));
  return concat(head(MAP, pairs.length), ...pairs.map((pair) => concat(pair.key, pair.item)));
}

interface Head {
  readonly major: number;
  readonly value: bigint;
  /** Offset of what follows the head. */
  readonly next: number;
}

function readHead(bytes: Uint8Array, at: number): Head {
  demand(at < bytes.length, 'FORMAT_INVALID', '§5.2', 'CBOR ends too early');
  const first = byteAt(bytes, at);
  const major = first >> 5;
  const info = first & 31;
  if (info < 24) return { major, value: BigInt(info), next: at + 1 };
  demand(info <= 27, 'FORMAT_INVALID', '§5.2', 'indefinite or reserved length');
  const size = 1 << (info - 24);
  demand(at + 1 + size <= bytes.length, 'FORMAT_INVALID', '§5.2', 'CBOR ends too early');
  let value = BigInt(byteAt(bytes, at + 1));
  if (size === 2) value = BigInt(byteAt(bytes, at + 1) * 256 + byteAt(bytes, at + 2));
  if (size === 4) value = BigInt(readU32(bytes, at + 1));
  if (size === 8) value = readU64(bytes, at + 1);
  return { major, value, next: at + 1 + size };
}

/** Counts items down and refuses the one too many. */
type CountItem = () => void;

function countItems(): CountItem {
  let left: number = LIMITS.cborItems;
  return () => {
    demand(left > 0, 'LIMIT_EXCEEDED', '§5.2', 'too many items');
    left -= 1;
  };
}

/** Checks one item without building it; gives the offset behind it. `depth` counts the arrays and maps around it. */
function scan(bytes: Uint8Array, at: number, depth: number, count: CountItem): number {
  count();
  const { major, value, next } = readHead(bytes, at);
  const remaining = BigInt(bytes.length - next);
  if (major === UINT) return next;
  if (major === NEGATIVE) {
    demand(value < 1n << 63n, 'FORMAT_INVALID', '§5.1', 'integer below −2⁶³');
    return next;
  }
  if (major === BYTES || major === TEXT) {
    demand(value <= remaining, 'FORMAT_INVALID', '§5.2', 'a string is longer than the bytes that remain');
    return next + Number(value);
  }
  if (major === ARRAY || major === MAP) {
    demand(depth < LIMITS.cborDepth, 'LIMIT_EXCEEDED', '§5.2', 'nested too deep');
    demand(value <= remaining, 'FORMAT_INVALID', '§5.2', 'more items than bytes that remain');
    let position = next;
    const items = Number(value) * (major === MAP ? 2 : 1);
    for (let i = 0; i < items; i += 1) position = scan(bytes, position, depth + 1, count);
    return position;
  }
  const first = byteAt(bytes, at);
  demand(first >= 0xf4 && first <= 0xf6, 'FORMAT_INVALID', '§5.1', 'a tag, float or simple value');
  return next;
}

function build(bytes: Uint8Array, at: number): { value: Cbor; next: number } {
  const { major, value, next } = readHead(bytes, at);
  const narrow = (n: bigint): number | bigint =>
    n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n;
  if (major === UINT) return { value: narrow(value), next };
  if (major === NEGATIVE) return { value: narrow(-1n - value), next };
  const length = Number(value);
  if (major === BYTES) return { value: bytes.slice(next, next + length), next: next + length };
  if (major === TEXT) {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(next, next + length));
    return { value: text, next: next + length };
  }
  let position = next;
  const item = (): Cbor => {
    const built = build(bytes, position);
    position = built.next;
    return built.value;
  };
  if (major === ARRAY) {
    const items: Cbor[] = [];
    for (let i = 0; i < length; i += 1) items.push(item());
    return { value: items, next: position };
  }
  if (major === MAP) {
    const entries = new Map<Cbor, Cbor>();
    for (let i = 0; i < length; i += 1) {
      const key = item();
      const plain = typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint';
      demand(plain, 'FORMAT_INVALID', '§5.1', 'a map key that is neither an integer nor text');
      const twin = [...entries.keys()].some((known) => equal(encode(known), encode(key)));
      if (twin) fail('FORMAT_INVALID', '§5.1', 'a map has a key twice');
      entries.set(key, item());
    }
    return { value: entries, next: position };
  }
  const first = byteAt(bytes, at);
  return { value: first === 0xf6 ? null : first === 0xf5, next };
}

/** Decodes exactly one deterministic item, by the steps 1 to 3 of §5.2. */
export function decode(bytes: Uint8Array): Cbor {
  demand(
    scan(bytes, 0, 0, countItems()) === bytes.length,
    'FORMAT_INVALID',
    '§5.2',
    'something follows the item',
  );
  const { value } = build(bytes, 0);
  demand(equal(encode(value), bytes), 'FORMAT_INVALID', '§5.2', 'not the deterministic encoding');
  return value;
}
