/** Parts of the program that write, asked one at a time for the vectors. */
import { Bundler } from '#nbak/backup/bundler.js';
import { PathBorders } from '#nbak/backup/path-borders.js';
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

/** How many files each bundle takes. */
export function countBundles(
  crypto: CryptoProvider,
  borderKey: Uint8Array,
  files: readonly SmallFile[],
): number[] {
  const counts: number[] = [];
  const bundler = new Bundler(new PathBorders(crypto, borderKey), (group) => counts.push(group.length));
  for (const { path, length } of files) bundler.add({ path: pathFromBytes(path), size: length });
  bundler.end();
  return counts;
}
