/** Sealing and opening one blob: where format, crypto, compression and keys meet. Implements §6.3–§6.7. */

import { looksCompressible } from '../compression/noise.js';
import { compressSmaller, decompressInto, type Matter } from '../compression/zstd.js';
import { DATABASE_CHUNK_BYTES } from '../chunking/sizes.js';
import type { CryptoProvider } from '../crypto/provider.js';
import { NbakError } from '../errors.js';
import {
  BLOB_KINDS,
  BLOB_OVERHEAD_BYTES,
  decodeBlobFrame,
  decodeSealedPlaintext,
  encodeBlobHeader,
  encodeNonce,
  frameLengthOf,
  layOutBlobFrame,
  sealedPrefix,
  sealedLengthOf,
  type BlobHeader,
  type BlobKind,
} from '../format/blob.js';
import { toHex } from '../format/bytes.js';
import { currentDedup, type DedupSecret } from '../format/epoch-record.js';
import type { RepositoryId } from '../format/ids.js';
import { invalidField } from '../format/shape.js';
import { blobKey, keySchedule } from '../vault/key-schedule.js';

/** The secrets that sealing and opening need; plain data, so that it can go to a worker. */
export interface BlobSecrets {
  readonly repository: RepositoryId;
  readonly epoch: number;
  readonly root: Uint8Array;
  /** All dedup secrets by number; the last is current. */
  readonly dedup: readonly DedupSecret[];
}

/** What a frame takes beyond its plaintext at most: compressed bodies are smaller. */
export const MOST_FRAME_OVERHEAD = BLOB_OVERHEAD_BYTES + sealedLengthOf(0);

/** Seals blobs of one session in one lane (§6.5). */
export class BlobSealer {
  readonly #crypto: CryptoProvider;
  readonly #secrets: BlobSecrets;
  readonly #session: Uint8Array;
  readonly #lane: number;
  readonly #tagKey: Uint8Array;
  readonly #sessionSecrets = new Map<BlobKind, Uint8Array>();
  #counter = 0;

  constructor(
    crypto: CryptoProvider,
    secrets: BlobSecrets,
    place: { readonly session: Uint8Array; readonly lane: number },
  ) {
    this.#crypto = crypto;
    this.#secrets = secrets;
    this.#session = place.session;
    this.#lane = place.lane;
    this.#tagKey = keySchedule(crypto, secrets.repository).tagKey(currentDedup(secrets).secret);
  }

  /** The tag of a chunk whose plaintext has SHA-256 `hash` (§3.6). */
  tagOf(hash: Uint8Array): Uint8Array {
    return this.#crypto.hmacSha256(this.#tagKey, hash);
  }

  /**
   * Seals one chunk into a frame.
   *
   * @param target - where the frame goes: at least the plaintext and {@link MOST_FRAME_OVERHEAD}.
   * @returns the frame: the part of `target` that was written.
   */
  seal(kind: BlobKind, plaintext: Uint8Array, tag: Uint8Array, target: Uint8Array): Uint8Array {
    const crypto = this.#crypto;
    const compressed = looksCompressible(plaintext)
      ? compressSmaller(plaintext, matterOf(kind, plaintext.length))
      : undefined;
    const body = compressed ?? plaintext;
    const header: BlobHeader = {
      codec: compressed === undefined ? 'stored' : 'zstd',
      kind,
      epoch: this.#secrets.epoch,
      session: this.#session,
      nonce: encodeNonce(this.#lane, this.#counter),
      tag,
      sealedLength: sealedLengthOf(body.length),
    };
    this.#counter += 1;
    const headerBytes = encodeBlobHeader(header);
    const { key, commitment } = blobKey(crypto, this.#sessionSecret(kind), headerBytes);
    const frame = target.subarray(0, frameLengthOf(header));
    const sealed = layOutBlobFrame(frame, headerBytes, commitment);
    crypto.aesGcmSealInto(key, header.nonce, [sealedPrefix(plaintext.length, body.length), body], sealed);
    return frame;
  }

  #sessionSecret(kind: BlobKind): Uint8Array {
    let secret = this.#sessionSecrets.get(kind);
    if (secret === undefined) {
      const { repository, root } = this.#secrets;
      secret = keySchedule(this.#crypto, repository).sessionSecret(root, this.#session, kind);
      this.#sessionSecrets.set(kind, secret);
    }
    return secret;
  }
}

/** What a chunk is to the compressor: those as short as databases' are theirs, or files that are best treated alike. */
export function matterOf(kind: BlobKind, length: number): Matter {
  if (kind === BLOB_KINDS.bundle) return 'bundle';
  return length <= DATABASE_CHUNK_BYTES ? 'pages' : 'any';
}

/** An opened blob. */
export interface OpenedBlob {
  readonly plaintext: Uint8Array;
  /** SHA-256 of the plaintext. Never stored (§3.6). */
  readonly hash: Uint8Array;
  readonly header: BlobHeader;
}

/** Where an opener puts what it makes of a blob. */
export interface OpenMemory {
  /** At least `length` bytes for what was sealed; free again when the blob is open, unless it was not compressed. */
  readonly unsealed: (length: number) => Uint8Array;
  /** At least `length` bytes for what was compressed. */
  readonly decompressed: (length: number) => Uint8Array;
}

const FRESH_MEMORY: OpenMemory = {
  unsealed: (length) => new Uint8Array(length),
  decompressed: (length) => new Uint8Array(length),
};

/** Memory that is used again for every blob: what was opened is good until the next one is. */
export function reusedMemory(): OpenMemory {
  return { unsealed: reusedBuffer(), decompressed: reusedBuffer() };
}

/** Gives the same buffer again and again; callers that need more than ever before get a larger one. */
export function reusedBuffer(): (length: number) => Uint8Array {
  let buffer = new Uint8Array(0);
  return (length) => {
    if (buffer.length < length) buffer = new Uint8Array(Math.max(length, LEAST_BUFFER_BYTES));
    return buffer;
  };
}

/** Most frames fit, so that the first few do not each bring a larger buffer. */
const LEAST_BUFFER_BYTES = 1024 * 1024 + 1024;

/** Opens blobs of every session of the repository. */
export class BlobOpener {
  readonly #crypto: CryptoProvider;
  readonly #secrets: BlobSecrets;
  readonly #tagKeys: ReadonlyMap<number, Uint8Array>;
  readonly #sessionSecrets = new Map<string, Uint8Array>();

  readonly #memory: OpenMemory;

  constructor(crypto: CryptoProvider, secrets: BlobSecrets, memory: OpenMemory = FRESH_MEMORY) {
    this.#memory = memory;
    const schedule = keySchedule(crypto, secrets.repository);
    this.#crypto = crypto;
    this.#secrets = secrets;
    this.#tagKeys = new Map(secrets.dedup.map(({ number, secret }) => [number, schedule.tagKey(secret)]));
  }

  /**
   * Opens a frame whose SHA-256 was compared with its id (§6.7).
   *
   * @param dedup - the number of the dedup secret that its footer states.
   * @throws NbakError `BLOB_TAMPERED`, `KEY_WRONG` for another epoch, `FORMAT_INVALID`, `FORMAT_NEWER` or `LIMIT_EXCEEDED`.
   */
  open(frame: Uint8Array, dedup: number): OpenedBlob {
    const crypto = this.#crypto;
    const { header, headerBytes, commitment, sealed } = decodeBlobFrame(frame);
    const { key, commitment: expected } = blobKey(crypto, this.#sessionSecret(header), headerBytes);
    // §6.4: before anything is decrypted, or a frame made for two keys would open under both (A13).
    if (!crypto.equalInConstantTime(commitment, expected)) throw tampered('its commitment does not match');
    const opened = this.#memory.unsealed(header.sealedLength).subarray(0, header.sealedLength);
    if (!crypto.aesGcmOpenInto(key, header.nonce, sealed, opened))
      throw tampered('its authentication tag does not verify');
    const { plaintextLength, body } = decodeSealedPlaintext(opened, header.codec);
    const plaintext = header.codec === 'zstd' ? this.#decompress(body, plaintextLength) : body;
    const hash = crypto.sha256(plaintext);
    const tagKey = this.#tagKeys.get(dedup);
    if (tagKey === undefined || !crypto.equalInConstantTime(crypto.hmacSha256(tagKey, hash), header.tag)) {
      throw tampered('its tag is not that of its content');
    }
    return { plaintext, hash, header };
  }

  #decompress(body: Uint8Array, length: number): Uint8Array {
    const plaintext = this.#memory.decompressed(length).subarray(0, length);
    if (decompressInto(body, plaintext)) return plaintext;
    throw invalidField('an opened blob', 'its compressed data', 'whole');
  }

  #sessionSecret({ epoch, session, kind }: BlobHeader): Uint8Array {
    const { repository, root, epoch: own } = this.#secrets;
    if (epoch !== own) {
      throw new NbakError('KEY_WRONG', `A blob is of epoch ${epoch}; the vault key opens epoch ${own}`, {
        details: { epoch },
      });
    }
    const cacheKey = `${kind}:${toHex(session)}`;
    let secret = this.#sessionSecrets.get(cacheKey);
    if (secret === undefined) {
      secret = keySchedule(this.#crypto, repository).sessionSecret(root, session, kind);
      this.#sessionSecrets.set(cacheKey, secret);
    }
    return secret;
  }
}

function tampered(why: string): NbakError {
  return new NbakError('BLOB_TAMPERED', `A blob was tampered with: ${why}`, {
    details: { clause: '§6.7' },
    hint: 'Its bytes are those of its id, so this is no bit rot: somebody who holds a key made it so.',
  });
}
