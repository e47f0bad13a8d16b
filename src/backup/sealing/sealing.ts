/** The heavy half of a backup: reads, cuts, hashes and seals units of work. Runs in threads of its own. */

import { nodeCrypto as crypto } from '../../crypto/node.js';
import { toHex } from '../../format/bytes.js';
import { BlobSealer } from '../../repository/blob-crypto.js';
import type { Handler } from '../../threads/thread-pool.js';
import { Loader, type LoadedUnit } from './loader.js';
import type { Loaded, SealedChunk, SealingRequest, SealingResponse, SealingStart } from './protocol.js';

/** Makes what a thread answers with. */
export function makeSealing(start: SealingStart): Handler<SealingRequest, SealingResponse> {
  const sealer = new BlobSealer(crypto, start.blobs, { session: start.session, lane: start.lane });
  const slots = start.frames.map((frames) => new Slot(new Loader(start, sealer), new Uint8Array(frames)));
  return (request) => {
    const slot = slots[request.slot];
    if (slot === undefined) throw new RangeError(`there is no slot ${request.slot}`);
    return request.task === 'load' ? slot.load(request) : slot.seal(sealer, request.indexes);
  };
}

/** Memory for one unit: its bytes, and its frames. */
class Slot {
  readonly #loader: Loader;
  readonly #frames: Uint8Array;
  #loaded: LoadedUnit | undefined;

  constructor(loader: Loader, frames: Uint8Array) {
    this.#loader = loader;
    this.#frames = frames;
  }

  load({ unit }: Extract<SealingRequest, { task: 'load' }>): Loaded {
    this.#loaded = this.#loader.load(unit);
    const { chunks, consumed, hashes, marks, files } = this.#loaded;
    return {
      chunks: chunks.map(({ tag, kind, bytes }) => ({ tag: toHex(tag), kind, length: bytes.length })),
      consumed,
      hashes,
      marks,
      files,
    };
  }

  seal(sealer: BlobSealer, indexes: readonly number[]): readonly SealedChunk[] {
    let offset = 0;
    const sealed = indexes.map((index): SealedChunk => {
      const chunk = this.#loaded?.chunks[index];
      if (chunk === undefined) throw new RangeError(`there is no chunk ${index} in the slot`);
      const frame = sealer.seal(chunk.kind, chunk.bytes, chunk.tag, this.#frames.subarray(offset));
      const place = { index, id: toHex(crypto.sha256(frame)), offset, length: frame.length };
      offset += frame.length;
      return place;
    });
    this.#loaded = undefined;
    return sealed;
  }
}
