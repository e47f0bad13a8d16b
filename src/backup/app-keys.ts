/** The app keys of a backup: found at its beginning, kept apart from all other content, and tried on every token (§11.4). */

import { statSync } from 'node:fs';
import { BLOB_KINDS } from '../format/blob.js';
import { MOST_TOKEN_PLACES, type AppKeyRow, type ListedPlace, type TokenCount } from '../format/app-keys.js';
import { compareBytes, toHex, utf8 } from '../format/bytes.js';
import { idToBytes } from '../format/ids.js';
import type { BlobRow } from '../format/page.js';
import { pathFromText, type BytePath } from '../format/path.js';
import type { AppKeyDeclaration, TokenPlace } from '../source/profiles/app-keys.js';
import { sourcePath } from '../source/root.js';
import { includeRule, type PathRule } from '../source/rules.js';
import { countInFile } from '../source/tokens/file-tokens.js';
import type { TokenQuery } from '../source/tokens/database-tokens.js';
import {
  findAppKey,
  MOST_APP_KEY_BYTES,
  NEXT_KEY_SUFFIX,
  type FoundAppKey,
} from '../source/tokens/find-app-key.js';
import { spotOf, type TokenTally } from '../source/tokens/token-counter.js';
import { looksUnchanged } from '../source/unchanged.js';
import type { SeenEntry } from '../source/entry.js';
import type { Content } from './content.js';
import type { Listing } from './listing.js';
import { listedPath, type BackupRoot, type BackupScope } from './scope.js';
import type { Session } from './session.js';
import { hasFactsOf, readTokenFile, type StoredFacts } from './token-file.js';

/** A declaration in one root: the key that counts there, and where its tokens are looked for. */
interface KeyInRoot {
  readonly declaration: AppKeyDeclaration;
  readonly root: BackupRoot;
  readonly found: { readonly root: BackupRoot; readonly key: FoundAppKey } | undefined;
  readonly places: readonly { readonly place: TokenPlace; readonly matches: PathRule }[];
  readonly counts: Map<string, TokenCount>;
}

/** What the manifest says of app keys. */
export interface ListedAppKeys {
  readonly blobs: readonly BlobRow[];
  readonly rows: readonly AppKeyRow[];
}

/** The app keys of one run. */
export class AppKeys {
  /** Changes whenever other files are app keys: pages that were made under another one are not taken over. */
  readonly version: string;
  readonly #keys: readonly KeyInRoot[];
  readonly #paths: ReadonlyMap<BackupRoot, ReadonlySet<BytePath>>;
  readonly #inodes: ReadonlySet<string>;
  /** What token files hold; undefined where what was stored cannot be had again. */
  readonly #files = new Map<string, Uint8Array | undefined>();

  constructor(scope: BackupScope) {
    this.#keys = keysOf(scope);
    const files = scope.roots.map((root) => [root, keyFilesOf(root)] as const);
    this.#paths = new Map(files.map(([root, names]) => [root, new Set(names.map(pathFromText))]));
    this.#inodes = new Set(files.flatMap(([root, names]) => names.flatMap((name) => inodeOf(root, name))));
    this.version = this.#keys.length === 0 ? '' : JSON.stringify(files.map(([, names]) => names));
  }

  /** Says whether a file goes into blobs of its own kind: by its name or, under any other one, its inode. */
  isKeyFile(root: BackupRoot, { path, kind, size, device, inode }: SeenEntry): boolean {
    if (this.#keys.length === 0 || kind !== 'file' || size > MOST_APP_KEY_BYTES) return false;
    return this.#paths.get(root)?.has(path) === true || this.#inodes.has(`${device}:${inode}`);
  }

  /** What is to be counted in a database. */
  queriesOf(root: BackupRoot, path: BytePath): readonly TokenQuery[] {
    return this.#placesAt(root, path, 'database').map(({ key, spot }) => ({
      spot,
      key: key.found?.key.text,
    }));
  }

  /** Enters what was counted, in the order of {@link queriesOf}. */
  counted(root: BackupRoot, path: BytePath, tallies: readonly TokenTally[]): void {
    this.#enter(root, path, { in: 'database', tallies });
  }

  /**
   * What was counted of a database, for the next backup to recall if it did not change; empty where nothing is to be
   * counted. It holds no name and no key.
   */
  memoOf(session: Session, root: BackupRoot, path: BytePath): string {
    const places = this.#placesAt(root, path, 'database');
    if (places.length === 0) return '';
    const counts = places.map(({ key, spot }) => {
      const { opened = 0, failed = 0 } =
        key.counts.get(idOf({ path: listedPath(root, path), ...spot })) ?? {};
      return `${opened}:${failed}`;
    });
    return `${this.#questionOf(session, root, path)} ${counts.join(' ')}`;
  }

  /** Takes over what an earlier backup counted of a database that is what it was; false where it asked otherwise. */
  recall(
    session: Session,
    at: { readonly root: BackupRoot; readonly path: BytePath },
    memo: string,
  ): boolean {
    const { root, path } = at;
    if (this.#placesAt(root, path, 'database').length === 0) return true;
    const [question, ...counts] = memo.split(' ');
    if (question !== this.#questionOf(session, root, path)) return false;
    this.counted(
      root,
      path,
      counts.map((count) => {
        const [opened = 0, failed = 0] = count.split(':').map(Number);
        return { opened, failed };
      }),
    );
    return true;
  }

  /** Keeps what a file of tokens holds now, to be counted later; called when the file was stored. */
  stored(root: BackupRoot, path: BytePath, content: StoredFacts & Pick<Content, 'flags'>): void {
    if (this.#keys.length === 0 || !this.#isTokenFile(root, path)) return;
    // What is torn is no state of the file that could be read again.
    const isTorn = content.flags !== 0;
    const bytes = isTorn ? undefined : readTokenFile(root, path, (file) => hasFactsOf(content, file));
    this.#files.set(listedPath(root, path), bytes);
  }

  /** Counts the tokens in files as they were stored, or, on pages that were taken over whole, as the walk saw them. */
  async countFiles(listings: ReadonlyMap<BackupRoot, Listing>): Promise<void> {
    for (const [root, listing] of listings) {
      if (!this.#keys.some((key) => key.root === root && key.places.some(({ place }) => place.in === 'file')))
        continue;
      for (let index = 0; index < listing.length; index += 1) {
        const path = listing.path(index);
        if (!listing.isFile(index) || !this.#isTokenFile(root, path)) continue;
        const listed = listedPath(root, path);
        const bytes = this.#files.has(listed)
          ? this.#files.get(listed)
          : readTokenFile(root, path, (file) => looksUnchanged(file, listing.entry(index)));
        const places = this.#placesAt(root, path, 'file');
        const queries = places.map(({ key, spot }) => ({ spot, key: key.found?.key.text }));
        if (bytes !== undefined)
          this.#enter(root, path, { in: 'file', tallies: await countInFile(bytes, queries) });
      }
    }
  }

  /** Stores the keys and lists them; undefined where the profile declares none. */
  async list(session: Session): Promise<ListedAppKeys | undefined> {
    if (this.#keys.length === 0) return undefined;
    const blobs = new Map<FoundAppKey, BlobRow>();
    for (const { found } of this.#keys) {
      if (found === undefined || blobs.has(found.key)) continue;
      const { id, length } = await session.chunks.storeBytes(BLOB_KINDS.appKey, utf8(found.key.text));
      blobs.set(found.key, { id, length });
    }
    const distinct = new Map([...blobs.values()].map((row) => [row.id, row]));
    const sorted = [...distinct.values()].sort((a, b) => compareBytes(idToBytes(a.id), idToBytes(b.id)));
    const ids = sorted.map(({ id }) => id);
    return { blobs: sorted, rows: this.#listed().map((key) => rowOf(key, { ids, blobs })) };
  }

  /** Of several roots those where there is something to say. */
  #listed(): readonly KeyInRoot[] {
    return this.#keys.filter(
      (key, i) =>
        key.found?.root === key.root ||
        key.counts.size > 0 ||
        this.#keys.findIndex(({ declaration }) => declaration.name === key.declaration.name) === i,
    );
  }

  #isTokenFile(root: BackupRoot, path: BytePath): boolean {
    return this.#placesAt(root, path, 'file').length > 0;
  }

  #placesAt(
    root: BackupRoot,
    path: BytePath,
    kind: TokenPlace['in'],
  ): readonly { readonly key: KeyInRoot; readonly spot: Omit<ListedPlace, 'path'> }[] {
    return this.#keys
      .filter((key) => key.root === root)
      .flatMap((key) =>
        key.places
          .filter(({ place, matches }) => place.in === kind && matches(path, false))
          .map(({ place }) => ({ key, spot: spotOf(place) })),
      );
  }

  #enter(
    root: BackupRoot,
    path: BytePath,
    found: { readonly in: TokenPlace['in']; readonly tallies: readonly TokenTally[] },
  ): void {
    for (const [i, { key, spot }] of this.#placesAt(root, path, found.in).entries()) {
      const { opened = 0, failed = 0 } = found.tallies[i] ?? {};
      const place = { path: listedPath(root, path), ...spot };
      if (opened + failed === 0) key.counts.delete(idOf(place));
      else key.counts.set(idOf(place), { ...place, opened, failed });
    }
  }

  #questionOf({ repository, keys }: Session, root: BackupRoot, path: BytePath): string {
    const asked = JSON.stringify(this.queriesOf(root, path));
    return toHex(repository.crypto.hmacSha256(keys.digestKey, utf8(`nbak/v2/catalog/tokens\0${asked}`)));
  }
}

/** A root without a key of its own uses that of the first root that has one of that name: parts may lie elsewhere. */
function keysOf({ roots }: BackupScope): readonly KeyInRoot[] {
  const declared = roots.flatMap((root) =>
    root.rules.appKeys.map((declaration) => {
      const key = findAppKey(root.source.directory, declaration.from);
      return { root, declaration, found: key && { root, key } };
    }),
  );
  return declared.map(({ root, declaration, found }) => ({
    declaration,
    root,
    found:
      found ??
      declared.find((other) => other.declaration.name === declaration.name && other.found !== undefined)
        ?.found,
    places: declaration.tokens.map((place) => ({ place, matches: includeRule([`/${place.path}`]) })),
    counts: new Map(),
  }));
}

/** Files of a root that are app keys by declaration, be they there or not, and what a rotation puts beside them. */
function keyFilesOf({ rules }: BackupRoot): readonly string[] {
  return rules.appKeys.flatMap(({ from }) =>
    from.flatMap((each) => ('file' in each ? [each.file, each.file + NEXT_KEY_SUFFIX] : [])),
  );
}

function rowOf(
  { declaration, found, counts }: KeyInRoot,
  stored: { readonly ids: readonly string[]; readonly blobs: ReadonlyMap<FoundAppKey, BlobRow> },
): AppKeyRow {
  const blob = found && stored.blobs.get(found.key);
  return {
    name: declaration.name,
    origin: found && { kind: found.key.kind, at: originPath(found.root, found.key) },
    blob: blob && stored.ids.indexOf(blob.id),
    places: [...counts.values()].slice(0, MOST_TOKEN_PLACES),
  };
}

function originPath(root: BackupRoot, { kind, at }: FoundAppKey): BytePath {
  return kind === 'file' ? listedPath(root, at) : at;
}

function idOf({ path, in: kind, table, column, field, prefix }: ListedPlace): string {
  return JSON.stringify([path, kind, table, column, field, prefix]);
}

function inodeOf(root: BackupRoot, file: string): readonly string[] {
  try {
    const { dev, ino } = statSync(sourcePath(root.source, pathFromText(file)));
    return [`${dev}:${ino}`];
  } catch {
    return [];
  }
}
