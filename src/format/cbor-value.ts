/** The values that CBOR of this format has (§5.1). */

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
