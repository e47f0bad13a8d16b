/** What somebody with the vault key can do: sign whatever they like with the encoders of the engine. */

import { nodeCrypto } from '#nbak/crypto/node.js';
import { BLOB_KINDS, type BlobKind } from '#nbak/format/blob.js';
import { concatBytes, toHex } from '#nbak/format/bytes.js';
import { SIGNED_TYPES } from '#nbak/format/cose.js';
import type { Entry, EntryExtra, EntryKind } from '#nbak/format/entry.js';
import { idFromBytes, type BackupId, type BlobId, type PackId, type PageId } from '#nbak/format/ids.js';
import { encodeManifest, type Manifest, type ManifestDetail } from '#nbak/format/manifest.js';
import { encodePackEnd, encodeFooter, type Footer, type FooterBlob } from '#nbak/format/pack.js';
import { encodePage, type BlobRow, type Page, type PlainBlobRow } from '#nbak/format/page.js';
import type { BytePath } from '#nbak/format/path.js';
import { BlobSealer, MOST_FRAME_OVERHEAD } from '#nbak/repository/blob-crypto.js';
import { packObject } from '#nbak/repository/compressed-io.js';
import { manifestName, packName, pageName } from '#nbak/repository/object-names.js';
import type { UnlockedRepository } from '#nbak/repository/open.js';
import { keySchedule } from '#nbak/vault/key-schedule.js';
import { footerOf, indexFrom } from './outsider.js';

/** A sealed blob and what is said of it. */
export interface ForgedBlob {
  readonly id: BlobId;
  readonly frame: Uint8Array;
  readonly tag: string;
  readonly kind: BlobKind;
  readonly plaintextLength: number;
}

/** An entry as an attacker thinks of it; everything else is made to fit. */
export interface ForgedEntry {
  /** One character per byte; need not be safe. */
  readonly path: string;
  readonly kind?: EntryKind;
  readonly content?: string;
  readonly extra?: Omit<EntryExtra, 'target'> & { readonly target?: string };
  readonly size?: number;
}

const OWNER = { uid: process.getuid?.() ?? 0, user: '', gid: process.getgid?.() ?? 0, group: '' };
const TIME = { seconds: 1_700_000_000, nanoseconds: 0 };
const encoder = new TextEncoder();

/** Forges objects that are validly signed into a repository. */
export class Insider {
  readonly #repository: UnlockedRepository;
  readonly #session = nodeCrypto.randomBytes(16);
  readonly #sealer: BlobSealer;

  constructor(repository: UnlockedRepository) {
    const { id, secrets } = repository;
    const blobSecrets = { repository: id, epoch: secrets.epoch, root: secrets.root, dedup: secrets.dedup };
    this.#repository = repository;
    this.#sealer = new BlobSealer(nodeCrypto, blobSecrets, { session: this.#session, lane: 9 });
  }

  /** The salt of everything this insider seals. */
  get session(): Uint8Array {
    return this.#session;
  }

  /** Seals a blob. */
  seal(plaintext: Uint8Array, kind: BlobKind = BLOB_KINDS.data): ForgedBlob {
    const tag = this.#sealer.tagOf(nodeCrypto.sha256(plaintext));
    const target = new Uint8Array(plaintext.length + MOST_FRAME_OVERHEAD);
    return this.blobOf(this.#sealer.seal(kind, plaintext, tag, target), {
      tag: toHex(tag),
      kind,
      plaintextLength: plaintext.length,
    });
  }

  /** Calls any bytes a blob. */
  blobOf(frame: Uint8Array, said: Pick<ForgedBlob, 'tag' | 'kind' | 'plaintextLength'>): ForgedBlob {
    return { ...said, id: idFromBytes(nodeCrypto.sha256(frame)), frame };
  }

  /** The complete bytes of a pack with a valid signature over `rows` (default: the truth). */
  packBytes(blobs: readonly ForgedBlob[], rows?: readonly FooterBlob[]): { id: PackId; bytes: Uint8Array } {
    const { id, secrets } = this.#repository;
    const truth = blobs.map((blob) => ({
      id: blob.id,
      tag: blob.tag,
      kind: blob.kind,
      length: blob.frame.length,
    }));
    const footer: Footer = {
      repository: id,
      epoch: secrets.epoch,
      session: this.#session,
      dedup: 1,
      blobs: rows ?? truth,
    };
    const signed = secrets.backupSigner.sign(SIGNED_TYPES.footer, encodeFooter(footer));
    const bytes = concatBytes(...blobs.map(({ frame }) => frame), encodePackEnd(signed));
    return { id: idFromBytes(nodeCrypto.sha256(signed)), bytes };
  }

  /** Stores a pack and an index object of it. */
  async storePack(blobs: readonly ForgedBlob[], rows?: readonly FooterBlob[]): Promise<PackId> {
    const { id, bytes } = this.packBytes(blobs, rows);
    await this.#repository.storage.put(packName(id), bytes);
    await this.#repository.storage.put(...indexFrom([footerOf(bytes)]));
    return id;
  }

  /** Stores a page, or any raw bytes as one. */
  async storePage(page: Page | Uint8Array): Promise<PageId> {
    const stored = packObject('NBKP', page instanceof Uint8Array ? page : encodePage(page));
    const id = idFromBytes<PageId>(nodeCrypto.sha256(stored));
    await this.#repository.storage.put(pageName(id), stored);
    return id;
  }

  /** Signs and stores a manifest of one root. */
  async storeManifest(
    pages: readonly PageId[],
    said: Partial<Omit<Manifest, 'detail'>> & {
      readonly entries: number;
      readonly detail?: Partial<ManifestDetail>;
      /** The blob that seals the detail, instead of a detail in the open. */
      readonly sealedDetail?: BlobRow;
    },
  ): Promise<BackupId> {
    const { secrets, id: repository, storage } = this.#repository;
    const { entries, detail, sealedDetail, ...fields } = said;
    const manifest: Manifest = {
      id: nodeCrypto.randomBytes(16),
      repository,
      epoch: secrets.epoch,
      time: Date.now(),
      signedAt: Date.now(),
      parents: [],
      sequence: 1,
      purpose: 'ordinary',
      dedup: 1,
      totals: { files: 0, directories: 0, others: 0, bytes: 0 },
      pages,
      ...fields,
      detail: sealedDetail ?? {
        host: 'h',
        roots: [{ name: 's' as BytePath, path: '/s' as BytePath, entries }],
        tags: [],
        profile: 'generic',
        scope: { exclude: [], excludeCaches: false, oneFileSystem: false },
        cut: 'no-databases',
        torn: [],
        unreadable: [],
        outside: [],
        writer: 'insider',
        ...detail,
      },
    };
    const stored = secrets.backupSigner.sign(SIGNED_TYPES.manifest, encodeManifest(manifest));
    const id = idFromBytes<BackupId>(nodeCrypto.sha256(stored));
    await storage.put(manifestName(id), stored);
    return id;
  }

  /** The entry that `forged` means, with the row of its blob and a right digest. */
  entryOf(forged: ForgedEntry, row: number): Entry {
    const { path, kind = forged.content === undefined ? 'directory' : 'file', content, extra = {} } = forged;
    const { target, ...others } = extra;
    const bytes = encoder.encode(content ?? '');
    return {
      path: path as BytePath,
      kind,
      mode: kind === 'directory' ? 0o755 : 0o644,
      owner: 0,
      size: forged.size ?? bytes.length,
      mtime: TIME,
      ctime: TIME,
      inode: 1n,
      content: bytes.length > 0 ? [{ row }] : [],
      digest: kind === 'file' ? this.digestOf(path, bytes.length > 0 ? [bytes] : []) : new Uint8Array(0),
      extra: { ...others, ...(target !== undefined && { target: target as BytePath }) },
    };
  }

  /** §3.7 for a file of these pieces. */
  digestOf(path: string, pieces: readonly Uint8Array[]): Uint8Array {
    const [dedup] = this.#repository.secrets.dedup;
    if (dedup === undefined) throw new Error('no dedup secret');
    const key = keySchedule(nodeCrypto, this.#repository.id).digestKey(dedup.secret);
    const hash = nodeCrypto.sha256(concatBytes(...pieces.map((piece) => nodeCrypto.sha256(piece))));
    const pathBytes = Uint8Array.from(path, (char) => char.charCodeAt(0));
    return nodeCrypto.hmacSha256(nodeCrypto.hmacSha256(key, concatBytes(pathBytes, hash)), hash);
  }

  /** A page of entries with blobs sealed for their contents. */
  pageOf(entries: readonly ForgedEntry[]): { readonly page: Page; readonly blobs: readonly ForgedBlob[] } {
    const blobs: ForgedBlob[] = [];
    const rows: PlainBlobRow[] = [];
    const list = entries.map((entry) => {
      if (entry.content !== undefined && entry.content !== '') {
        const blob = this.seal(encoder.encode(entry.content));
        blobs.push(blob);
        rows.push({ id: blob.id, length: blob.frame.length, plaintextLength: blob.plaintextLength });
      }
      return this.entryOf(entry, rows.length - 1);
    });
    const page: Page = {
      type: 'entries',
      dedup: 1,
      children: [],
      blobs: rows,
      owners: [OWNER],
      entries: list,
    };
    return { page, blobs };
  }

  /** A whole backup, validly signed, of pages with these entries; totals and counts are right. */
  async storeBackup(...pages: readonly (readonly ForgedEntry[])[]): Promise<BackupId> {
    const ids: PageId[] = [];
    for (const entries of pages) {
      const { page, blobs } = this.pageOf(entries);
      if (blobs.length > 0) await this.storePack(blobs);
      ids.push(await this.storePage(page));
    }
    const all = pages.flat();
    const files = all.filter(
      ({ kind, content }) => kind === 'file' || (kind === undefined && content !== undefined),
    );
    const directories = all.filter(({ kind, content }) =>
      kind === undefined ? content === undefined : kind === 'directory',
    );
    const bytes = files.reduce(
      (sum, { size, content = '' }) => sum + (size ?? encoder.encode(content).length),
      0,
    );
    const totals = {
      files: files.length,
      directories: directories.length,
      others: all.length - files.length - directories.length,
      bytes,
    };
    return this.storeManifest(ids, { entries: all.length, totals });
  }
}
