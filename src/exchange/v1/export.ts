/** Writing a backup of NBAK version 1 that nodyn or lynox restore (§33.1). */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CryptoProvider } from '../../crypto/provider.js';
import { startGcmSealing } from '../../crypto/gcm-stream.js';
import { toHex } from '../../format/bytes.js';
import { pathToText } from '../../format/path.js';
import { encodeV1Head, V1_HEAD_BYTES } from '../../format/v1/file.js';
import {
  encodeV1Manifest,
  V1_MANIFEST,
  v1ChecksumInput,
  type V1Entry,
  type V1Era,
  type V1Manifest,
} from '../../format/v1/manifest.js';
import { v1DirectoryName } from '../../format/v1/name.js';
import { fileTime } from '../../restore/attributes.js';
import type { PlannedEntry } from '../../restore/result.js';
import { v1FileKey } from '../../vault/v1-key.js';
import {
  contentOf,
  entriesOf,
  prepareDestination,
  textOf,
  type ExportResult,
  type ExportTask,
} from '../export.js';
import { SourceFile } from '../source-file.js';
import { StagedDirectory, type StagedFile } from '../staged-directory.js';

/** What the backup is to be. */
export interface V1ExportWish {
  readonly crypto: CryptoProvider;
  readonly era: V1Era;
  /** The application's vault key; undefined writes plaintext. */
  readonly vaultKey: string | undefined;
}

/**
 * Writes a backup of version 1 below the destination, under the name that the application would have given it.
 *
 * @remarks It has its name when it is whole; until then it ends in `.tmp`, which the applications pass over.
 * @throws NbakError `TARGET_FAILED`, `SPACE_INSUFFICIENT`, `INTERRUPTED`, or what reading the backup throws.
 */
export async function exportV1(task: ExportTask, wish: V1ExportWish): Promise<ExportResult> {
  const { crypto, era, vaultKey } = wish;
  const { backup, detail } = task.source;
  const { time } = backup.manifest;
  const path = freeName(prepareDestination(task.destination), v1DirectoryName(time));
  const staged = new StagedDirectory(`${path}.tmp`);
  try {
    const key = vaultKey === undefined ? undefined : v1FileKey(crypto, vaultKey, era);
    const writer = new V1Writer(task, { crypto, key, staged });
    for (const entry of await entriesOf(task)) await writer.add(entry);
    const { entries } = writer;
    const [root] = detail.roots;
    const manifest: V1Manifest = {
      era,
      // That of the application, which a backup does not know.
      appVersion: 'unknown',
      createdAt: time,
      directory: root === undefined ? '' : pathToText(root.path),
      encrypted: key !== undefined,
      entries,
      checksum: toHex(crypto.sha256(v1ChecksumInput(entries))),
    };
    staged.write(V1_MANIFEST, [encodeV1Manifest(manifest)], { mode: 0o600, mtime: time / 1000 });
    staged.commit(path);
    return { path, files: writer.files, bytes: writer.bytes, left: writer.left, withheld: [] };
  } catch (error) {
    staged.discard();
    throw error;
  }
}

interface WriterParts {
  readonly crypto: CryptoProvider;
  readonly key: Uint8Array | undefined;
  readonly staged: StagedDirectory;
}

/** The files of one backup being written, and their list. */
class V1Writer {
  files = 0;
  bytes = 0;
  readonly left: string[] = [];
  readonly entries: V1Entry[] = [];
  readonly #task: ExportTask;
  readonly #parts: WriterParts;

  constructor(task: ExportTask, parts: WriterParts) {
    this.#task = task;
    this.#parts = parts;
  }

  async add(planned: PlannedEntry): Promise<void> {
    const { place, entry } = planned;
    const { text, isText } = textOf(place);
    if (place === '') return;
    if (!isText || `${place}/`.startsWith(`${V1_MANIFEST}/`)) {
      this.left.push(`${text}: the format has no place for that name`);
    } else if (entry.kind === 'directory') {
      this.#parts.staged.makeDirectory(place);
      this.entries.push({ path: place, type: 'directory', size: 0, checksum: '' });
    } else if (entry.kind === 'file') {
      await this.#addFile(planned);
    } else {
      this.left.push(`${text}: a ${entry.kind}`);
    }
  }

  async #addFile(planned: PlannedEntry): Promise<void> {
    const { place, entry } = planned;
    const { staged } = this.#parts;
    {
      using file = staged.create(place, 0o600);
      await this.#writeContent(planned, file);
      file.finish(fileTime(entry));
    }
    const type = entry.extra.database === undefined ? 'file' : 'sqlite';
    this.entries.push({ path: place, type, ...this.#measure(staged.place(place).toString()) });
    this.files += 1;
    this.bytes += entry.size;
  }

  /** The tag, which is known last, stands before the ciphertext: the head is written over its place. */
  async #writeContent(planned: PlannedEntry, file: StagedFile): Promise<void> {
    const { crypto, key } = this.#parts;
    const content = contentOf(this.#task, planned);
    if (key === undefined) {
      for await (const bytes of content) file.append(bytes);
      return;
    }
    const iv = crypto.randomBytes(12);
    const sealing = startGcmSealing(key, iv);
    file.append(new Uint8Array(V1_HEAD_BYTES));
    for await (const bytes of content) file.append(sealing.update(bytes));
    file.replaceStart(encodeV1Head({ iv, tag: sealing.finish() }));
  }

  #measure(path: string): Pick<V1Entry, 'size' | 'checksum'> {
    const running = this.#parts.crypto.startSha256();
    using file = new SourceFile(path);
    for (const block of file.blocks(this.#task.signal)) running.update(block);
    return { size: file.size, checksum: toHex(running.digest()) };
  }
}

/** As the applications do where the name is taken. */
function freeName(directory: string, name: string): string {
  for (let n = 0; ; n += 1) {
    const path = join(directory, n === 0 ? name : `${name}-${n}`);
    if (!existsSync(path) && !existsSync(`${path}.tmp`)) return path;
  }
}
