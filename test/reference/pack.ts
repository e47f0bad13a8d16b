/** Packs (spec §8.1) and index objects (spec §9). */
import { ascii, concat, equal, readU32, u32 } from './bytes.js';
import { FRAME_OVERHEAD, readFrame } from './blob.js';
import { decode, encode } from './cbor.js';
import { readCompressedObject } from './compressed-object.js';
import { demand } from './fail.js';
import { type Footer, type FooterBlob, readFooter } from './footer.js';
import { LIMITS } from './limits.js';
import { hash } from './schedule.js';
import { bstr, list } from './shape.js';
import { demandName, type Signer } from './signature.js';

export const writePack = (frames: readonly Uint8Array[], footer: Uint8Array): Uint8Array =>
  concat(...frames, footer, u32(footer.length), ascii('NBKF'));

const framesLength = (footer: Footer): number => footer.blobs.reduce((sum, blob) => sum + blob.length, 0);

function checkFrame(bytes: Uint8Array, blob: FooterBlob, footer: Footer): void {
  demand(equal(hash(bytes), blob.as ?? blob.id), 'OBJECT_CORRUPT', '§8.1', 'the bytes of a blob are damaged');
  const { header } = readFrame(bytes);
  const agrees =
    header.kind === blob.kind &&
    equal(header.tag, blob.tag) &&
    header.sealedLength + FRAME_OVERHEAD === blob.length &&
    header.epoch === footer.epoch &&
    equal(header.salt, footer.session);
  demand(agrees, 'REFERENCE_TAMPERED', '§8.1', 'a frame is not what the footer says');
}

/** What a pack is read against: `name` is its 32 bytes, `id` the repository's. */
export interface PackPlace {
  readonly name: Uint8Array;
  readonly id: Uint8Array;
  readonly signers: readonly Signer[];
}

/** Makes all checks of §8.1 in that order. */
export function readPack(bytes: Uint8Array, place: PackPlace): Footer {
  demand(bytes.length <= LIMITS.packBytes, 'LIMIT_EXCEEDED', '§15', 'the pack is too long');
  const end = bytes.length - 8;
  demand(end >= 0 && equal(bytes.subarray(end + 4), ascii('NBKF')), 'OBJECT_CORRUPT', '§8.1', 'no trailer');
  const footerLength = readU32(bytes, end);
  demand(footerLength <= LIMITS.footerBytes, 'LIMIT_EXCEEDED', '§15', 'the footer is too long');
  demand(footerLength <= end, 'OBJECT_CORRUPT', '§8.1', 'the footer is longer than the pack');
  const footerBytes = bytes.subarray(end - footerLength, end);
  demandName(place.name, footerBytes);
  const footer = readFooter(footerBytes, place.id, place.signers);
  demand(
    framesLength(footer) + footerLength + 8 === bytes.length,
    'OBJECT_CORRUPT',
    '§8.1',
    'pack of another size',
  );
  let at = 0;
  for (const blob of footer.blobs) {
    checkFrame(bytes.subarray(at, at + blob.length), blob, footer);
    at += blob.length;
  }
  return footer;
}

/** A pack as an index object tells of it. */
export interface IndexedPack {
  readonly name: Uint8Array;
  readonly size: number;
  readonly footer: Footer;
}

export const indexRaw = (footers: readonly Uint8Array[]): Uint8Array => encode([...footers]);

/** Reads an index object and verifies every footer in it. */
export function readIndex(bytes: Uint8Array, place: PackPlace): IndexedPack[] {
  demandName(place.name, bytes);
  const raw = readCompressedObject(bytes, 'NBKI', LIMITS.indexRawBytes);
  return list(decode(raw)).map((item) => {
    const footerBytes = bstr(item);
    const footer = readFooter(footerBytes, place.id, place.signers);
    return { name: hash(footerBytes), size: framesLength(footer) + footerBytes.length + 8, footer };
  });
}
