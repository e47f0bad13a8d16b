/** Which files were seen unchanged, and what their content was: the catalog's change cache. */

import { decodeCbor, encodeCbor } from '../format/cbor.js';
import { asArray, asBytes, asText, asUint } from '../format/shape.js';
import { idFromBytes, idToBytes, type BlobId } from '../format/ids.js';
import type { Catalog } from './catalog.js';

/** A piece of remembered content. */
export interface RememberedPiece {
  readonly id: BlobId;
  readonly length: number;
  readonly plaintextLength: number;
  readonly slice?: number;
}

/** What a file was when it was last backed up. */
export interface RememberedFile {
  readonly size: number;
  readonly pieces: readonly RememberedPiece[];
  /** Keyed digest of its content (§3.7). */
  readonly digest: Uint8Array;
  /** Facts as the entry states them, encoded; '' for plain files. */
  readonly facts: string;
}

/** The change cache. Keys are keyed hashes of paths; `stat` is whatever must be equal for a file to be unchanged. */
export class FileCatalog {
  readonly #catalog: Catalog;
  readonly #get;
  readonly #put;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#get = catalog.prepare<[Uint8Array], { stat: string; content: Buffer }>(
      'SELECT stat, content FROM files WHERE key = ?',
    );
    this.#put = catalog.prepare<[Uint8Array, string, Uint8Array]>(
      'INSERT INTO files (key, stat, content) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET stat = excluded.stat, content = excluded.content',
    );
  }

  /** The remembered file, if its `stat` is equal. */
  lookUp(key: Uint8Array, stat: string): RememberedFile | undefined {
    const row = this.#get.get(key);
    if (row === undefined || row.stat !== stat) return undefined;
    return decodeRemembered(row.content);
  }

  /** Remembers files, in one transaction. */
  rememberAll(
    files: readonly { readonly key: Uint8Array; readonly stat: string; readonly file: RememberedFile }[],
  ): void {
    this.#catalog.transaction(() => {
      for (const { key, stat, file } of files) this.#put.run(key, stat, encodeRemembered(file));
    })();
  }
}

function encodeRemembered({ size, pieces, digest, facts }: RememberedFile): Uint8Array {
  return encodeCbor([
    size,
    digest,
    facts,
    pieces.map(({ id, length, plaintextLength, slice }) => [
      idToBytes(id),
      length,
      plaintextLength,
      slice ?? null,
    ]),
  ]);
}

function decodeRemembered(bytes: Uint8Array): RememberedFile {
  const structure = 'the catalog';
  // Our own cache: a database of 100 GB has millions of pieces.
  const [size, digest, facts, pieces] = asArray(
    decodeCbor(bytes, structure, Number.POSITIVE_INFINITY),
    structure,
    'a file',
    4,
  );
  return {
    size: asUint(size, structure, 'size'),
    digest: asBytes(digest, structure, 'digest'),
    facts: asText(facts, structure, 'facts'),
    pieces: asArray(pieces, structure, 'pieces').map((piece): RememberedPiece => {
      const [id, length, plaintextLength, slice] = asArray(piece, structure, 'a piece', 4);
      const whole = {
        id: idFromBytes<BlobId>(asBytes(id, structure, 'id', 32)),
        length: asUint(length, structure, 'length'),
        plaintextLength: asUint(plaintextLength, structure, 'plaintext length'),
      };
      return slice === null ? whole : { ...whole, slice: asUint(slice, structure, 'slice') };
    }),
  };
}
