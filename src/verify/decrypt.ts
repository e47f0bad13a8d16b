/** With secrets: the content of every file against its signed digest, and every database checked. Implements §20.3. */

import { isNbakError, NbakError } from '../errors.js';
import { ENTRY_FLAGS } from '../format/entry.js';
import { concatBytes, equalBytes, toHex } from '../format/bytes.js';
import { pathToBytes, pathToText } from '../format/path.js';
import type { BlobReader } from '../repository/blob-reader.js';
import { readEntries, type BackedUpEntry } from '../repository/entries.js';
import { readData, type DataRun, type DigestKeys } from '../repository/file-data.js';
import { readDetail, type Backup } from '../repository/manifests.js';
import { manifestName } from '../repository/object-names.js';
import type { PageReader } from '../repository/pages.js';
import type { GoodBlob, PackFindings } from './packs.js';
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
  readonly problems: readonly VerifyProblem[];
}

/** Compares every file of `backups`; a file that several backups share is compared once. */
export async function checkContent(
  backups: readonly Backup[],
  packs: PackFindings,
  decryption: Decryption,
): Promise<ContentFindings> {
  const seen = new Set<string>();
  const notCheckable: string[] = [];
  const problems: VerifyProblem[] = [];
  let files = 0;
  let databases = 0;
  for (const backup of backups) {
    try {
      const detail = await readDetail(backup.manifest, decryption.blobs);
      if (detail === undefined) continue;
      for await (const item of readEntries(decryption.pages, backup, detail)) {
        if (item.entry.kind !== 'file') continue;
        const key = `${item.entry.path}\0${toHex(item.entry.digest)}\0${item.pieces.map(({ blob }) => blob.id).join()}`;
        if (seen.has(key)) continue;
        seen.add(key);
        files += 1;
        const path = pathToText(item.entry.path);
        const error = compare(item, packs, decryption.keys) ?? (await check(item));
        if (error !== undefined) problems.push(problemOf(error, { backups: [backup.id], files: [path] }));
      }
    } catch (error) {
      if (!isNbakError(error)) throw error;
      problems.push(problemOf(error, { object: manifestName(backup.id), backups: [backup.id] }));
    }
  }
  return { files, databases, notCheckable, problems };

  async function check(item: BackedUpEntry): Promise<NbakError | undefined> {
    const { database, flags = 0 } = item.entry.extra;
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
  let size = (entry.extra.holes ?? []).reduce((sum, [, length]) => sum + length, 0);
  for (const { blob, slice } of pieces) {
    const opened: GoodBlob['opened'] = good.get(blob.id)?.opened;
    const hash = opened?.pieces[slice ?? 0];
    // A blob that is missing or did not open is a finding of its own.
    if (opened === undefined) return undefined;
    if (hash === undefined || opened.plaintextLength !== blob.plaintextLength)
      return differs(entry.path, 'a piece');
    hashes.push(hash);
    if (slice === undefined) size += opened.plaintextLength;
  }
  const isSliced = pieces.some(({ slice }) => slice !== undefined);
  if (!isSliced && size !== entry.size) return differs(entry.path, 'its size');
  const digestKey = keys.digestKeys.get(dedup);
  if (digestKey === undefined) return differs(entry.path, 'its dedup number');
  const { crypto } = keys;
  const hash = crypto.sha256(concatBytes(...hashes));
  const digest = crypto.hmacSha256(
    crypto.hmacSha256(digestKey, concatBytes(pathToBytes(entry.path), hash)),
    hash,
  );
  return equalBytes(digest, entry.digest) ? undefined : differs(entry.path, 'its digest');
}

function differs(path: BackedUpEntry['entry']['path'], what: string): NbakError {
  return new NbakError(
    'CONTENT_TAMPERED',
    `The content of ${pathToText(path)} is not what its signed entry says: ${what} differs`,
    {
      details: { clause: '§3.7' },
    },
  );
}
