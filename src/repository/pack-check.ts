/** The frames of a pack against its signed footer, and with secrets their plaintext. Implements §8.1 for readers. */

import type { CryptoProvider } from '../crypto/provider.js';
import { isNbakError, NbakError } from '../errors.js';
import { BLOB_HEADER_BYTES, decodeBlobHeader } from '../format/blob.js';
import { equalBytes, toHex } from '../format/bytes.js';
import type { Footer, FooterBlob } from '../format/pack.js';
import type { ObjectName, Storage } from '../storage/storage.js';
import type { FrameWindow } from './frame-window.js';

/** A pack whose footer was verified and whose frames were not. */
export interface PackFrames {
  readonly name: ObjectName;
  readonly footer: Footer;
}

/** What is known of a blob once it was opened. */
export interface OpenedFacts {
  /** SHA-256 and length in bytes of each piece (§10.5). */
  readonly pieces: readonly Uint8Array[];
  readonly lengths: readonly number[];
  readonly plaintextLength: number;
}

/** What the frames of a pack are. */
export interface PackVerdict {
  /** Blobs whose bytes are not what the footer says, or that do not open, by their place in the footer. */
  readonly damaged: readonly { readonly index: number; readonly error: NbakError }[];
  /** With secrets, of each blob that opened, by its place in the footer. */
  readonly opened?: readonly (OpenedFacts | undefined)[];
}

/** Checks the frames of packs. */
export interface FrameChecker {
  /**
   * Reads every frame of a pack and checks it.
   *
   * @throws NbakError `OBJECT_CORRUPT` when the pack ends before its frames do, `INTERNAL` when a thread died, or a
   *   STORAGE code.
   */
  check(storage: Storage, pack: PackFrames): Promise<PackVerdict>;
}

/** A frame checker on threads. */
export interface PackChecker extends FrameChecker {
  /** Packs that are worth having under way at once. */
  readonly width: number;
  /** Checks in the caller's thread, which does nothing else meanwhile. */
  readonly here: FrameChecker;
  /** Starts threads now, for packs that come soon. */
  start(): void;
  close(): Promise<void>;
}

/** Opens a frame whose hash was compared; throws an NbakError when it does not open. */
export type OpenFrame = (frame: Uint8Array, dedup: number) => OpenedFacts;

/**
 * Checks the frames of a pack, one after the other.
 *
 * @param window - turned to the pack's bytes.
 * @param tools.open - opens every sound frame as well.
 * @throws NbakError `OBJECT_CORRUPT` when the bytes end too early.
 */
export function checkFrames(
  pack: PackFrames,
  window: FrameWindow,
  tools: { readonly crypto: CryptoProvider; readonly open?: OpenFrame | undefined },
): PackVerdict {
  const { open } = tools;
  const damaged: PackVerdict['damaged'][number][] = [];
  const opened: (OpenedFacts | undefined)[] = [];
  let offset = 0;
  for (const [index, blob] of pack.footer.blobs.entries()) {
    // What is to be opened must be there in whole; of anything else the header will do.
    const view = window.from(offset, open === undefined ? BLOB_HEADER_BYTES : blob.length);
    let error = checkFrame(pack, blob, { crypto: tools.crypto, window, offset, view });
    if (error === undefined && open !== undefined) {
      const result = tryToOpen(pack, blob, () => open(view.subarray(0, blob.length), pack.footer.dedup));
      if (result instanceof NbakError) error = result;
      else opened[index] = result;
    }
    if (error !== undefined) damaged.push({ index, error });
    offset += blob.length;
  }
  return { damaged, ...(open && { opened }) };
}

function checkFrame(
  { name, footer }: PackFrames,
  blob: FooterBlob,
  frame: {
    readonly crypto: CryptoProvider;
    readonly window: FrameWindow;
    readonly offset: number;
    readonly view: Uint8Array;
  },
): NbakError | undefined {
  const { crypto, window, offset, view } = frame;
  if (view.length < BLOB_HEADER_BYTES) throw endsTooEarly(name);
  // Before the hash, which may move the window on.
  const contradiction = contradictionOf(name, footer, blob, view);
  const hash =
    view.length >= blob.length
      ? crypto.sha256(view.subarray(0, blob.length))
      : hashInParts(crypto, window, { name, offset, length: blob.length });
  if (toHex(hash) === (blob.as ?? blob.id)) return contradiction;
  return corruptPack(name, `blob ${blob.id} does not match its id`, { blob: blob.id });
}

function hashInParts(
  crypto: CryptoProvider,
  window: FrameWindow,
  { name, offset, length }: { readonly name: string; readonly offset: number; readonly length: number },
): Uint8Array {
  const hash = crypto.startSha256();
  for (let done = 0; done < length;) {
    const part = window.from(offset + done, 1).subarray(0, length - done);
    if (part.length === 0) throw endsTooEarly(name);
    hash.update(part);
    done += part.length;
  }
  return hash.digest();
}

/** §8.1: what a frame says of itself must be what the signed footer says of it. */
function contradictionOf(
  name: string,
  footer: Footer,
  blob: FooterBlob,
  frame: Uint8Array,
): NbakError | undefined {
  try {
    const header = decodeBlobHeader(frame, blob.length);
    const agrees =
      header.kind === blob.kind &&
      header.epoch === footer.epoch &&
      toHex(header.tag) === blob.tag &&
      equalBytes(header.session, footer.session);
    if (agrees) return undefined;
    return new NbakError('REFERENCE_TAMPERED', `${name}: blob ${blob.id} contradicts the footer`, {
      details: { object: name, blob: blob.id },
    });
  } catch (error) {
    if (isNbakError(error)) return error;
    throw error;
  }
}

function tryToOpen(
  { name }: PackFrames,
  { id }: FooterBlob,
  open: () => OpenedFacts,
): OpenedFacts | NbakError {
  try {
    return open();
  } catch (error) {
    if (!isNbakError(error)) throw error;
    return new NbakError(error.code, `${name}: blob ${id}: ${error.message}`);
  }
}

function endsTooEarly(name: string): NbakError {
  return corruptPack(name, 'it is shorter than the storage says');
}

/** The error for a pack, or a blob of it, whose bytes are not what its name or its footer says. */
export function corruptPack(
  name: string,
  why: string,
  more: Readonly<Record<string, string>> = {},
): NbakError {
  return new NbakError('OBJECT_CORRUPT', `${name} is corrupt: ${why}`, {
    details: { object: name, ...more },
    hint: 'Take this object from another copy of the repository, or back up again.',
  });
}
