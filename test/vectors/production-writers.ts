/** Parts of the program that write, asked one at a time for the vectors. */
import { Bundler } from '#nbak/backup/bundler.js';
import type { ChunkStore } from '#nbak/backup/chunk-store.js';
import * as content from '#nbak/repository/content-digest.js';
import type { CryptoProvider } from '#nbak/crypto/provider.js';
import { pathFromBytes } from '#nbak/format/path.js';
import type { SmallFile } from '../reference/cut.js';

/** Hash and digest of a file of `pieces`. */
export function contentDigest(
  crypto: CryptoProvider,
  file: {
    readonly digestKey: Uint8Array;
    readonly path: Uint8Array;
    readonly pieces: readonly Uint8Array[];
  },
): { contentHash: Uint8Array; digest: Uint8Array } {
  const hashes = file.pieces.map((piece) => crypto.sha256(piece));
  const contentHash = content.contentHash(crypto, hashes);
  const digester = { crypto, digestKey: file.digestKey };
  return { contentHash, digest: content.contentDigest(digester, pathFromBytes(file.path), contentHash) };
}

/** Counts the files of each bundle. All files are remembered, so nothing is read and nothing stored. */
class CountingBundler extends Bundler {
  readonly counts: number[] = [];
  #settled = 0;

  readonly settle = (): void => {
    this.#settled += 1;
  };

  override end(): void {
    this.#settled = 0;
    super.end();
    if (this.#settled > 0) this.counts.push(this.#settled);
  }
}

/** How many files each bundle takes. */
export function countBundles(
  crypto: CryptoProvider,
  borderKey: Uint8Array,
  files: readonly SmallFile[],
): number[] {
  const bundler = new CountingBundler(crypto, borderKey, undefined as unknown as ChunkStore);
  for (const { path, length } of files) {
    bundler.add({
      path: pathFromBytes(path),
      size: length,
      remembered: [],
      read: () => undefined,
      settle: bundler.settle,
      fail: (error) => {
        throw error;
      },
    });
  }
  bundler.end();
  return bundler.counts;
}
