/** Packs for vectors: honest ones, and ones whose footer lies. */
import { type Footer, type FooterBlob, footerPayload } from '../footer.js';
import { writePack } from '../pack.js';
import { readFrame } from '../blob.js';
import { hash, type KeyPair } from '../schedule.js';
import { sign } from '../signature.js';
import { first, id, salt } from './world.js';

/** The footer row that tells the truth about a frame. */
export function rowOf(frame: Uint8Array): FooterBlob {
  const { header } = readFrame(frame);
  return { id: hash(frame), tag: header.tag, kind: header.kind, length: frame.length, as: null };
}

export const footerOf = (frames: readonly Uint8Array[]): Footer => ({
  id,
  epoch: 1,
  session: salt,
  dedup: 1,
  blobs: frames.map(rowOf),
});

export const signFooter = (footer: Footer, signer: KeyPair = first.backup): Uint8Array =>
  sign('footer', id, signer, footerPayload(footer));

export interface MadePack {
  readonly object: Uint8Array;
  readonly footer: Uint8Array;
}

/** A pack of `frames` under `footer`, whatever that says. */
export function packOf(
  frames: readonly Uint8Array[],
  footer: Uint8Array = signFooter(footerOf(frames)),
): MadePack {
  return { object: writePack(frames, footer), footer };
}

export const framesOf = (blobs: readonly { readonly frame: Uint8Array }[]): Uint8Array[] =>
  blobs.map((blob) => blob.frame);
