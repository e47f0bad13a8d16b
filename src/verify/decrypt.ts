/** With secrets: the content of every file against its signed digest, and every database checked. Implements §20.3. */

import { isNbakError, NbakError } from '../errors.js';
import { BLOB_KINDS } from '../format/blob.js';
import { ENTRY_FLAGS } from '../format/entry.js';
import { equalBytes, toHex } from '../format/bytes.js';
import type { BackupId } from '../format/ids.js';
import { isSealedDetail } from '../format/manifest.js';
import type { BlobRow } from '../format/page.js';
import { joinPath, pathToText } from '../format/path.js';
import { appKeyContradiction } from '../repository/app-keys.js';
import { contentDigest, contentHash } from '../repository/content-digest.js';
import type { BlobReader } from '../repository/blob-reader.js';
import { readEntries, type BackedUpEntry } from '../repository/entries.js';
import { readData, type DataRun, type DigestKeys } from '../repository/file-data.js';
import { readDetail, type Backup } from '../repository/manifests.js';
import { manifestName } from '../repository/object-names.js';
import type { PageReader } from '../repository/pages.js';
import type { PackFindings } from './packs.js';
import { problemOf, type VerifyProblem } from './result.js';

/** What opening needs, and how a database is checked. */
export interface Decryption {
  readonly blobs: BlobReader;
  readonly pages: PageReader;
  readonly keys: DigestKeys;
  /** Runs `integrity_check` on a database's data without leaving plaintext behind. */
  readonly checkDatabase: (
    data: AsyncIterable<DataRun>,
  ) => Promise<{ readonly verdict: 'ok' | 'not-checkable' | 'failed'; readonly message: string }>;
}

/** What was compared. */
export interface ContentFindings {
  readonly files: number;
  readonly databases: number;
  readonly notCheckable: readonly string[];
  /** Files of databases that were damaged already when they were backed up. */
  readonly damagedAtCapture: readonly string[];
  readonly problems: readonly VerifyProblem[];
  /** Files that could not be compared because a blob of theirs is damaged or gone. */
  readonly lost: readonly { readonly backup: BackupId; readonly blob: BlobRow; readonly file: string }[];
}

/** Compares every file of `backups`; a file that several backups share is compared once. */
export async function checkContent(
  backups: readonly Backup[],
  packs: PackFindings,
  decryption: Decryption,
): Promise<ContentFindings> {
  const seen = new Set<string>();
  const notCheckable: string[] = [];
  const damagedAtCapture: string[] = [];
  const problems: VerifyProblem[] = [];
  const lost: ContentFindings['lost'][number][] = [];
  let files = 0;
  let databases = 0;
  for (const backup of backups) {
    try {
      const detail = await readDetail(backup.manifest, decryption.blobs);
      if (detail === undefined) continue;
      // With plain names whoever has no secrets sees this too, and said so.
      const sealed = isSealedDetail(backup.manifest.detail);
      const contradicted = sealed ? appKeyContradiction(backup.manifest, detail) : undefined;
      if (contradicted !== undefined)
        problems.push(problemOf(contradicted, { object: manifestName(backup.id), backups: [backup.id] }));
      for await (const item of readEntries(decryption.pages, backup, detail)) {
        if (item.entry.kind !== 'file') continue;
        const { digest, size, extra } = item.entry;
        // The digest says nothing of size and holes.
        const madeOf = item.pieces.map(({ blob, slice = '' }) => `${blob.id}/${slice}`);
        const key = [item.entry.path, toHex(digest), size, extra.holes, ...madeOf].join('\0');
        if (seen.has(key)) continue;
        seen.add(key);
        const path = pathToText(
          detail.roots.length === 1 ? item.entry.path : joinPath(item.root.name, item.entry.path),
        );
        const missing = item.pieces.filter(({ blob }) => packs.good.get(blob.id)?.opened === undefined);
        for (const { blob } of missing) lost.push({ backup: backup.id, blob, file: path });
        if (missing.length > 0) continue;
        files += 1;
        const error = compare(item, packs, decryption.keys) ?? (await check(item));
        if (error !== undefined) problems.push(problemOf(error, { backups: [backup.id], files: [path] }));
      }
    } catch (error) {
      if (!isNbakError(error)) throw error;
      problems.push(problemOf(error, { object: manifestName(backup.id), backups: [backup.id] }));
    }
  }
  return { files, databases, notCheckable, damagedAtCapture, problems, lost };

  async function check(item: BackedUpEntry): Promise<NbakError | undefined> {
    const { database, flags = 0 } = item.entry.extra;
    if ((flags & ENTRY_FLAGS.damaged) !== 0) damagedAtCapture.push(pathToText(item.entry.path));
    if (database === undefined || (flags & ENTRY_FLAGS.damaged) !== 0) return undefined;
    databases += 1;
    const data = readData(item, decryption.blobs, decryption.keys);
    const { verdict, message } = await decryption.checkDatabase(data);
    if (verdict === 'not-checkable') notCheckable.push(pathToText(item.entry.path));
    if (verdict !== 'failed') return undefined;
    return new NbakError(
      'DATABASE_CHECK_FAILED',
      `integrity_check of ${pathToText(item.entry.path)} fails: ${message}`,
    );
  }
}

/** Compares one file by the hashes that were computed when its blobs were opened. */
function compare(
  { entry, pieces, dedup }: BackedUpEntry,
  { good }: PackFindings,
  keys: DigestKeys,
): NbakError | undefined {
  const hashes: Uint8Array[] = [];
  let data = 0;
  for (const { blob, slice } of pieces) {
    const known = good.get(blob.id);
    if (known?.opened === undefined) throw new RangeError('only files whose blobs opened are compared');
    const { kind, opened } = known;
    const hash = opened.pieces[slice ?? 0];
    const isFitting = slice === undefined ? FILE_KINDS.includes(kind) : kind === BLOB_KINDS.bundle;
    if (hash === undefined || !isFitting || opened.plaintextLength !== blob.plaintextLength)
      return differs(entry.path, 'a piece');
    hashes.push(hash);
    data += opened.lengths[slice ?? 0] ?? 0;
  }
  const hollow = (entry.extra.holes ?? []).reduce((sum, [, length]) => sum + length, 0);
  if (data + hollow !== entry.size) return differs(entry.path, 'its size');
  const digestKey = keys.digestKeys.get(dedup);
  if (digestKey === undefined) return differs(entry.path, 'its dedup number');
  const { crypto } = keys;
  const digest = contentDigest({ crypto, digestKey }, entry.path, contentHash(crypto, hashes));
  return equalBytes(digest, entry.digest) ? undefined : differs(entry.path, 'its digest');
}

const FILE_KINDS: readonly number[] = [BLOB_KINDS.data, BLOB_KINDS.appKey];

function differs(path: BackedUpEntry['entry']['path'], what: string): NbakError {
  return new NbakError(
    'CONTENT_TAMPERED',
    `The content of ${pathToText(path)} is not what its signed entry says: ${what} differs`,
    {
      details: { clause: '§3.7' },
    },
  );
}
