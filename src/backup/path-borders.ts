/** Hashes of paths under the border key: they decide where pages end (§10.6), and where bundles do (§7.5). */

import type { CryptoProvider } from '../crypto/provider.js';
import { readU32 } from '../format/bytes.js';
import { pathToBytes, type BytePath } from '../format/path.js';

/** The hashes of one root's paths. A page is planned before its files are bundled: each hash is computed once. */
export class PathBorders {
  readonly #crypto: CryptoProvider;
  readonly #key: Uint8Array;
  /** For bundles, of the page that was planned last. */
  readonly #ofBundles = new Map<BytePath, number>();

  constructor(crypto: CryptoProvider, borderKey: Uint8Array) {
    this.#crypto = crypto;
    this.#key = borderKey;
  }

  /** Begins the next page: what bundles did not ask for they will not. */
  beginPage(): void {
    this.#ofBundles.clear();
  }

  /** u32 of the last 4 bytes of HMAC(border key, path). */
  ofPage(path: BytePath): number {
    const mac = this.#mac(path);
    this.#ofBundles.set(path, readU32(mac, 0));
    return readU32(mac, 28);
  }

  /** u32 of the first 4 bytes of HMAC(border key, path). */
  ofBundle(path: BytePath): number {
    return this.#ofBundles.get(path) ?? readU32(this.#mac(path), 0);
  }

  #mac(path: BytePath): Uint8Array {
    return this.#crypto.hmacSha256(this.#key, pathToBytes(path));
  }
}
