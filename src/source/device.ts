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

/** The same from its parts, as a number of Node's: the inverse of {@link splitDevice}. */
export function joinDevice({ major, minor }: DeviceNumber): number {
  const low = ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & ~0xff) << 12);
  return (low >>> 0) + (major & ~0xfff) * 2 ** 32;
}
