/** Device numbers as Linux packs them into one integer. */

/** The two parts that people and archives know. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** The encoding of `dev_t` by glibc and musl: 12 + 20 bits of major, 8 + 24 bits of minor, interleaved. */
export function splitDevice(device: bigint): DeviceNumber {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}
