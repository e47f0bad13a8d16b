/** Branded names of things (glossary.md). All are lower-case hex of the bytes that the format stores. */

import { fromHex, toHex } from './bytes.js';

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

/** 16 random bytes: what `init` created. */
export type RepositoryId = Id<'repository'>;
/** SHA-256 of a frame as first sealed (§6.6). */
export type BlobId = Id<'blob'>;
/** SHA-256 of a pack's footer (§8.1). */
export type PackId = Id<'pack'>;
/** SHA-256 of a stored page (§5.3). */
export type PageId = Id<'page'>;
/** SHA-256 of a stored manifest (§11.1): the backup id. */
export type BackupId = Id<'backup'>;
/** SHA-256 of a 32-byte public key (§4.1). */
export type Fingerprint = Id<'fingerprint'>;

type AnyId = RepositoryId | BlobId | PackId | PageId | BackupId | Fingerprint;

/** The id whose bytes are `bytes`; the caller's type says of what. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- brands exist in types only
export function idFromBytes<T extends AnyId>(bytes: Uint8Array): T {
  return toHex(bytes) as T;
}

/** The bytes of an id. */
export function idToBytes(id: AnyId): Uint8Array {
  return fromHex(id);
}

/** Says whether `text` is 64 lower-case hex digits, the form of every SHA-256 name. */
export function isSha256Hex(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
