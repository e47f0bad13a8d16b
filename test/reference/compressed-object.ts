/** Pages and index objects as stored (spec §5.3). */
import { ascii, byteAt, concat, equal, readU32, u32, u8 } from './bytes.js';
import { demand } from './fail.js';
import { unzstd } from './zstd.js';

export type Magic = 'NBKP' | 'NBKI';

/** Joins the parts of a stored object, also wrong ones. */
export const compressedObject = (
  magic: string,
  codec: number,
  rawLength: number,
  body: Uint8Array,
): Uint8Array => concat(ascii(magic), u8(2), u8(codec), u32(rawLength), body);

export const storedObject = (magic: Magic, raw: Uint8Array): Uint8Array =>
  compressedObject(magic, 0, raw.length, raw);

/** The raw bytes of an object whose name was compared already. */
export function readCompressedObject(bytes: Uint8Array, magic: Magic, limit: number): Uint8Array {
  const clause = '§5.3';
  demand(equal(bytes.subarray(0, 4), ascii(magic)), 'FORMAT_INVALID', clause, `no ${magic}`);
  demand(bytes.length >= 10, 'FORMAT_INVALID', clause, 'shorter than its head');
  demand(byteAt(bytes, 4) === 2, 'FORMAT_NEWER', clause, 'unknown version');
  const codec = byteAt(bytes, 5);
  demand(codec <= 1, 'FORMAT_NEWER', clause, 'unknown codec');
  const rawLength = readU32(bytes, 6);
  demand(rawLength <= limit, 'LIMIT_EXCEEDED', '§15', 'raw bytes too long');
  const body = bytes.subarray(10);
  if (codec === 1) {
    demand(body.length < rawLength, 'FORMAT_INVALID', clause, 'compressed and not shorter');
    return unzstd(body, rawLength);
  }
  demand(body.length === rawLength, 'FORMAT_INVALID', clause, 'stored body of another length');
  return body.slice();
}
