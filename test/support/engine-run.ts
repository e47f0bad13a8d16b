/** The engine as the program calls it: back up, verify and restore, with what tests ask of the outcome. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backup } from '#nbak/backup/backup.js';
import type { BackupOptions, BackupResult } from '#nbak/backup/result.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { ERROR_CODES, isNbakError, type ErrorCode, type NbakError } from '#nbak/errors.js';
import { createEngine } from '#nbak/repository/workers/index.js';
import { createPackChecker } from '#nbak/repository/workers/pack-checker.js';
import { openCatalog, type Catalog } from '#nbak/repository/catalog.js';
import { BlobCatalog } from '#nbak/repository/catalog-blobs.js';
import type { RememberedHead } from '#nbak/repository/catalog-heads.js';
import { BlobReader } from '#nbak/repository/blob-reader.js';
import { adoptLeftoverPacks, syncIndex } from '#nbak/repository/index-sync.js';
import { readBackup, readBackups, readDetail } from '#nbak/repository/manifests.js';
import { openWithPublicKey, openWithVaultKey, type UnlockedRepository } from '#nbak/repository/open.js';
import { PageReader } from '#nbak/repository/pages.js';
import { restore } from '#nbak/restore/restore.js';
import type { RestoreOptions, RestoreResult, RestoreSource } from '#nbak/restore/result.js';
import type { BackupId } from '#nbak/format/ids.js';
import type { Storage } from '#nbak/storage/storage.js';
import { keySchedule } from '#nbak/vault/key-schedule.js';
import { verdictExit, type HeadMemory, type VerifyProblem } from '#nbak/verify/result.js';
import { verify } from '#nbak/verify/verify.js';

/** What a verification came to, whether it refused to begin or gave findings. */
export interface Judgement {
  readonly ok: boolean;
  readonly exit: number;
  readonly codes: readonly ErrorCode[];
  readonly problems: readonly VerifyProblem[];
  /** Why the repository did not open or the verification ended early. */
  readonly refused?: NbakError;
}

/** A memory of heads that lasts as long as the object. */
export function headMemory(): HeadMemory {
  let heads: readonly RememberedHead[] = [];
  return {
    remembered: () => heads,
    remember: (seen) => {
      heads = seen;
    },
  };
}

/** Verifies everything with the public key alone. */
export async function judge(
  storage: Storage,
  publicKey: Uint8Array,
  heads: HeadMemory = headMemory(),
): Promise<Judgement> {
  return judging(async () => {
    const repository = await openWithPublicKey(storage, nodeCrypto, publicKey);
    return verify(repository, { packs: createPackChecker(0), backups: [], heads });
  });
}

/** Verifies everything with the vault key: `verify --decrypt`. */
export async function judgeDecrypted(storage: Storage, keyBytes: Uint8Array): Promise<Judgement> {
  return judging(async () => {
    const repository = await openWithVaultKey(storage, nodeCrypto, keyBytes);
    const { source, packs, close } = await readerOf(repository);
    try {
      const decryption = {
        ...source,
        checkDatabase: () => Promise.resolve({ verdict: 'ok' as const, message: '' }),
      };
      return await verify(repository, { packs, backups: [], heads: headMemory() }, decryption);
    } finally {
      close();
    }
  });
}

async function judging(run: () => ReturnType<typeof verify>): Promise<Judgement> {
  try {
    const { ok, problems } = await run();
    return {
      ok,
      exit: verdictExit(problems),
      codes: [...new Set(problems.map(({ code }) => code))],
      problems,
    };
  } catch (error) {
    if (!isNbakError(error)) throw error;
    return {
      ok: false,
      exit: ERROR_CODES[error.code].exit,
      codes: [error.code],
      problems: [],
      refused: error,
    };
  }
}

/** Opens with the vault key and restores a backup (default the newest) in whole. */
export async function restoreBackup(
  storage: Storage,
  keyBytes: Uint8Array,
  to: { readonly target: string; readonly backup?: BackupId } & Pick<RestoreOptions, 'onProgress'>,
): Promise<RestoreResult> {
  const repository = await openWithVaultKey(storage, nodeCrypto, keyBytes);
  const { source, close } = await readerOf(repository);
  try {
    const chosen =
      to.backup === undefined ? await newest(repository) : await readBackup(repository, to.backup);
    const detail = await readDetail(chosen.manifest, source.blobs);
    if (detail === undefined) throw new Error('the detail is sealed');
    return await restore(
      { ...source, backup: chosen, detail },
      {
        target: to.target,
        selection: { paths: [], include: [], exclude: [] },
        check: 'none',
        threads: 0,
        ...(to.onProgress && { onProgress: to.onProgress }),
      },
    );
  } finally {
    close();
  }
}

/** The newest backup with everything that reads its content. */
export async function readNewest(
  repository: UnlockedRepository,
): Promise<{ readonly source: RestoreSource; readonly close: () => void }> {
  const { source, close } = await readerOf(repository);
  const chosen = await newest(repository);
  const detail = await readDetail(chosen.manifest, source.blobs);
  if (detail === undefined) throw new Error('the detail is sealed');
  return { source: { ...source, backup: chosen, detail }, close };
}

async function newest(repository: UnlockedRepository): Promise<RestoreSource['backup']> {
  const { backups, unreadable } = await readBackups(repository);
  const [first] = backups;
  if (first !== undefined) return first;
  throw unreadable[0]?.error ?? new Error('there is no backup');
}

async function readerOf(repository: UnlockedRepository) {
  const { id, secrets } = repository;
  const blobSecrets = { repository: id, epoch: secrets.epoch, root: secrets.root, dedup: secrets.dedup };
  const engine = createEngine(nodeCrypto, 0, { blobs: blobSecrets });
  const cache = openCatalog(undefined, id);
  const catalog = new BlobCatalog(cache);
  const listed = await syncIndex(repository, catalog);
  await adoptLeftoverPacks(repository, catalog, { listed, packs: createPackChecker(0) });
  const blobs = new BlobReader(repository, catalog, engine);
  const schedule = keySchedule(nodeCrypto, id);
  const digestKeys = new Map(
    secrets.dedup.map(({ number, secret }) => [number, schedule.digestKey(secret)] as const),
  );
  return {
    source: {
      engine,
      blobs,
      pages: new PageReader(repository, blobs),
      keys: { crypto: nodeCrypto, digestKeys },
      secrets: blobSecrets,
    },
    packs: createPackChecker(0, blobSecrets),
    close: () => cache.close(),
  };
}

/** One backup of directories, in this thread. */
export async function runBackup(
  repository: UnlockedRepository,
  sources: readonly string[],
  places: { readonly catalog?: Catalog; readonly staging?: string } = {},
): Promise<BackupResult> {
  const catalog = places.catalog ?? openCatalog(undefined, repository.id);
  return backup(repository, catalog, {
    ...ordinaryBackup(sources),
    ...(places.staging !== undefined && { stagingDirectory: places.staging }),
  });
}

/** Options of a backup in one thread that leaves nothing out. */
export function ordinaryBackup(sources: readonly string[]): BackupOptions {
  return {
    selection: { sources, exclude: [], excludeCaches: false, oneFileSystem: false, skip: [] },
    labels: { host: 'h', tags: [], purpose: 'ordinary', writer: 't' },
    stagingDirectory: tmpdir(),
    lockWaitMs: 1000,
    threads: 0,
  };
}

/** Runs `use` with a new empty directory and removes it afterwards. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-attack-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
