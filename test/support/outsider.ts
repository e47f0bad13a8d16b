/** What somebody without any key can do: store objects under the names that their bytes have. */

import { nodeCrypto } from '#nbak/crypto/node.js';
import { concatBytes, readU32, toHex } from '#nbak/format/bytes.js';
import type { BackupId, PackId, PageId } from '#nbak/format/ids.js';
import { encodeIndex } from '#nbak/format/index-object.js';
import { encodePackEnd } from '#nbak/format/pack.js';
import { packObject } from '#nbak/repository/compressed-io.js';
import { indexName, manifestName, packName, pageName } from '#nbak/repository/object-names.js';
import type { ObjectName } from '#nbak/storage/storage.js';
import type { Snapshot } from './snapshots.js';

/** A named object. */
export type Planted = readonly [ObjectName, Uint8Array];

/** The signed footer of a pack's bytes. */
export function footerOf(pack: Uint8Array): Uint8Array {
  const length = readU32(pack, pack.length - 8);
  return pack.slice(pack.length - 8 - length, pack.length - 8);
}

/** The frames of a pack's bytes, split at the lengths that their headers state (§6.1). */
export function framesOf(pack: Uint8Array): readonly Uint8Array[] {
  const end = pack.length - 8 - readU32(pack, pack.length - 8);
  const frames: Uint8Array[] = [];
  for (let offset = 0; offset < end;) {
    const length = readU32(pack, offset + 72) + 124;
    frames.push(pack.slice(offset, offset + length));
    offset += length;
  }
  return frames;
}

/** A pack of these frames with somebody else's footer, under the name that the footer gives it. */
export function packFrom(frames: readonly Uint8Array[], footer: Uint8Array): Planted {
  return [packName(sha256(footer) as PackId), concatBytes(...frames, encodePackEnd(footer))];
}

/** An index object of these footers. */
export function indexFrom(footers: readonly Uint8Array[]): Planted {
  const bytes = packObject('NBKI', encodeIndex(footers));
  return [indexName(sha256(bytes)), bytes];
}

/** Any stored bytes as a page. */
export function pageFrom(stored: Uint8Array): Planted {
  return [pageName(sha256(stored) as PageId), stored];
}

/** Any bytes as a manifest. */
export function manifestFrom(bytes: Uint8Array): Planted {
  return [manifestName(sha256(bytes) as BackupId), bytes];
}

/** The snapshot and more objects. */
export function plant(snapshot: Snapshot, ...objects: readonly Planted[]): Snapshot {
  return new Map([...snapshot, ...objects]);
}

/** SHA-256 as hex. */
export function sha256(bytes: Uint8Array): string {
  return toHex(nodeCrypto.sha256(bytes));
}
