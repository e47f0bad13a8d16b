/** What the threads of a pack checker are asked, and how they answer. */

import { readSync } from 'node:fs';
import { nodeCrypto } from '../../crypto/node.js';
import { fromSystemError } from '../../storage/storage-error.js';
import { sendableError, type SentError } from '../../threads/messages.js';
import type { Handler } from '../../threads/thread-pool.js';
import { FrameWindow, type PackBytes } from '../frame-window.js';
import { checkFrames, type OpenedFacts, type OpenFrame, type PackFrames } from '../pack-check.js';

/** A pack to check: an open file where the storage's objects are files, else the bytes of its frames. */
export interface PackRequest {
  readonly pack: PackFrames;
  readonly source: { readonly descriptor: number; readonly storage: string } | { readonly bytes: Uint8Array };
}

/** A verdict as it crosses threads. */
export interface SentVerdict {
  readonly damaged: readonly { readonly index: number; readonly error: SentError }[];
  readonly opened?: readonly (OpenedFacts | undefined)[];
}

/** Makes what answers requests in one thread. */
export function packCheckHandler(open?: OpenFrame): Handler<PackRequest, SentVerdict> {
  const window = new FrameWindow();
  return ({ pack, source }) => {
    window.moveTo('bytes' in source ? bytesInMemory(source.bytes) : bytesOfFile(pack.name, source));
    const { damaged, opened } = checkFrames(pack, window, { crypto: nodeCrypto, open });
    return {
      damaged: damaged.map(({ index, error }) => ({ index, error: sendableError(error) })),
      ...(opened && { opened }),
    };
  };
}

function bytesOfFile(
  object: string,
  { descriptor, storage }: { readonly descriptor: number; readonly storage: string },
): PackBytes {
  return {
    read(into, position) {
      try {
        let done = 0;
        while (done < into.length) {
          const count = readSync(descriptor, into, done, into.length - done, position + done);
          if (count === 0) break;
          done += count;
        }
        return done;
      } catch (error) {
        throw fromSystemError({ operation: 'read', object, storage }, error);
      }
    },
  };
}

function bytesInMemory(bytes: Uint8Array): PackBytes {
  return {
    read(into, position) {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}
