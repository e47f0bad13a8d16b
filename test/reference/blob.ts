/** Blobs: frames, sealing, opening (spec §6). */
import { ascii, byteAt, concat, equal, readU32, u32, u8 } from './bytes.js';
import { demand, fail } from './fail.js';
import { LIMITS } from './limits.js';
import { blobKey, chunkTag, sessionSecret, tagKey } from './schedule.js';
import { decrypt, encrypt } from './sealed.js';
import { unzstd } from './zstd.js';

const HEADER_BYTES = 76;
/** What a frame adds to its sealed plaintext. */
export const FRAME_OVERHEAD = 124;
const APP_KEY = 3;

/** The fields of a frame's header that are not fixed; `sealedLength` is *n*. */
export interface FrameHeader {
  readonly codec: number;
  readonly kind: number;
  readonly epoch: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly tag: Uint8Array;
  readonly sealedLength: number;
}

export function headerBytes(header: FrameHeader): Uint8Array {
  const fixed = concat(ascii('NBAK'), u8(2), u8(1), u8(header.codec), u8(header.kind));
  return concat(fixed, u32(header.epoch), header.salt, header.nonce, header.tag, u32(header.sealedLength));
}

/** A frame that is well-formed (§6.1); nothing is opened yet. */
export interface Frame {
  readonly header: FrameHeader;
  readonly headerBytes: Uint8Array;
  readonly commitment: Uint8Array;
  /** Ciphertext and authentication tag. */
  readonly ciphertext: Uint8Array;
}

export function readFrame(bytes: Uint8Array): Frame {
  const clause = '§6.1';
  demand(equal(bytes.subarray(0, 4), ascii('NBAK')), 'FORMAT_INVALID', clause, 'no NBAK magic');
  demand(bytes.length >= FRAME_OVERHEAD + 8, 'FORMAT_INVALID', clause, 'shorter than the shortest frame');
  demand(byteAt(bytes, 4) !== 1, 'FORMAT_INVALID', clause, 'a frame of version 1 has no place here');
  demand(byteAt(bytes, 4) === 2, 'FORMAT_NEWER', clause, 'unknown version');
  demand(byteAt(bytes, 5) === 1, 'FORMAT_NEWER', clause, 'unknown suite');
  const codec = byteAt(bytes, 6);
  const kind = byteAt(bytes, 7);
  demand(codec <= 1, 'FORMAT_NEWER', clause, 'unknown codec');
  demand(kind >= 1 && kind <= 5, 'FORMAT_NEWER', clause, 'unknown kind');
  const epoch = readU32(bytes, 8);
  demand(epoch >= 1, 'FORMAT_INVALID', clause, 'epoch 0');
  const sealedLength = readU32(bytes, 72);
  demand(sealedLength >= 8, 'FORMAT_INVALID', clause, 'sealed length below 8');
  demand(sealedLength <= LIMITS.sealedBytes, 'LIMIT_EXCEEDED', '§15', 'sealed length too large');
  demand(bytes.length === sealedLength + FRAME_OVERHEAD, 'FORMAT_INVALID', clause, 'frame of another length');
  const salt = bytes.slice(12, 28);
  const nonce = bytes.slice(28, 40);
  return {
    header: { codec, kind, epoch, salt, nonce, tag: bytes.slice(40, 72), sealedLength },
    headerBytes: bytes.slice(0, HEADER_BYTES),
    commitment: bytes.slice(HEADER_BYTES, HEADER_BYTES + 32),
    ciphertext: bytes.slice(HEADER_BYTES + 32),
  };
}

/** The secrets a blob is sealed and opened with. `root` is that of the frame's epoch. */
export interface BlobSecrets {
  readonly id: Uint8Array;
  readonly root: Uint8Array;
  readonly dedupSecret: Uint8Array;
}

export const classOf = (kind: number): number => (kind === APP_KEY ? 1 : 0);

/** A sealed blob with every value on the way, as the vectors show them. */
export interface SealedBlob {
  readonly frame: Uint8Array;
  readonly sessionSecret: Uint8Array;
  readonly header: Uint8Array;
  readonly key: Uint8Array;
  readonly commitment: Uint8Array;
}

/** Seals any bytes as the sealed plaintext of §6.3, also wrong ones. */
export function sealRaw(
  secrets: BlobSecrets,
  header: Omit<FrameHeader, 'sealedLength'>,
  inner: Uint8Array,
): SealedBlob {
  const secret = sessionSecret(secrets.root, secrets.id, header.salt, classOf(header.kind));
  const bytes = headerBytes({ ...header, sealedLength: inner.length });
  const { key, commitment } = blobKey(secret, bytes);
  const frame = concat(bytes, commitment, encrypt(key, header.nonce, inner));
  return { frame, sessionSecret: secret, header: bytes, key, commitment };
}

/** §6.3 without padding. */
export const sealedPlaintext = (plaintextLength: number, body: Uint8Array): Uint8Array =>
  concat(u32(plaintextLength), u32(body.length), body);

/** What a writer chooses for a blob. */
export type BlobChoice = Omit<FrameHeader, 'sealedLength' | 'tag' | 'codec'>;

/** Seals `plaintext` with codec 0. */
export function sealBlob(secrets: BlobSecrets, choice: BlobChoice, plaintext: Uint8Array): SealedBlob {
  const tag = chunkTag(tagKey(secrets.dedupSecret, secrets.id), plaintext);
  return sealRaw(secrets, { ...choice, tag, codec: 0 }, sealedPlaintext(plaintext.length, plaintext));
}

function readSealedPlaintext(inner: Uint8Array, codec: number): Uint8Array {
  const length = readU32(inner, 0);
  const bodyLength = readU32(inner, 4);
  demand(length <= LIMITS.plaintextBytes, 'LIMIT_EXCEEDED', '§6.3', 'plaintext too long');
  demand(bodyLength <= inner.length - 8, 'FORMAT_INVALID', '§6.3', 'body longer than what was sealed');
  const body = inner.subarray(8, 8 + bodyLength);
  const padding = inner.subarray(8 + bodyLength);
  demand(
    padding.every((byte) => byte === 0),
    'FORMAT_INVALID',
    '§6.3',
    'padding is not zero',
  );
  if (codec === 1) return unzstd(body, length);
  demand(bodyLength === length, 'FORMAT_INVALID', '§6.3', 'stored body of another length');
  return body.slice();
}

/** Opens a frame whose SHA-256 is known to be right, in the order of §6.7. */
export function openBlob(bytes: Uint8Array, secrets: BlobSecrets): Uint8Array {
  const frame = readFrame(bytes);
  const { header } = frame;
  const secret = sessionSecret(secrets.root, secrets.id, header.salt, classOf(header.kind));
  const { key, commitment } = blobKey(secret, frame.headerBytes);
  demand(equal(commitment, frame.commitment), 'BLOB_TAMPERED', '§6.7', 'another commitment');
  const inner = decrypt(key, header.nonce, frame.ciphertext);
  if (inner === undefined) fail('BLOB_TAMPERED', '§6.7', 'the authentication tag fails');
  const plaintext = readSealedPlaintext(inner, header.codec);
  const tag = chunkTag(tagKey(secrets.dedupSecret, secrets.id), plaintext);
  demand(equal(tag, header.tag), 'BLOB_TAMPERED', '§6.7', 'another tag');
  return plaintext;
}
