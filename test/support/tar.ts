/** Archives member by member, hostile ones too. */

import { gzipSync } from 'node:zlib';

/** A member; a plain file unless `type` says otherwise. */
export interface Member {
  readonly path: string;
  readonly content?: string | Uint8Array;
  /** The type flag: `0` file, `1` hard link, `2` link, `3` device, `5` directory. */
  readonly type?: string;
  readonly target?: string;
  readonly mode?: number;
  /** The size in the head, where it is to lie. */
  readonly size?: number;
}

const BLOCK = 512;

/** A gzipped archive in ustar format. */
export function tarGz(members: readonly Member[]): Buffer {
  return gzipSync(Buffer.concat([...members.map(memberBytes), Buffer.alloc(2 * BLOCK)]));
}

function memberBytes({ path, content = '', type = '0', target = '', mode = 0o644, size }: Member): Buffer {
  const data = Buffer.from(content);
  const head = Buffer.alloc(BLOCK);
  head.write(path, 0, 100);
  head.write(octal(mode, 7), 100);
  head.write(octal(0, 7), 108);
  head.write(octal(0, 7), 116);
  head.write(octal(size ?? data.length, 11), 124);
  head.write(octal(1_700_000_000, 11), 136);
  head.write(' '.repeat(8), 148);
  head.write(type, 156);
  head.write(target, 157, 100);
  head.write('ustar\x0000', 257);
  head.write(
    octal(
      head.reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
  );
  head.writeUInt8(0, 154);
  return Buffer.concat([head, data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
