/** What a manager has done in a process of its own: a backup, a list, a verification, a prune. */

import { hostname, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { backup } from '../backup/backup.js';
import { isComplete } from '../backup/result.js';
import { programVersion } from '../cli/version.js';
import { isNbakError } from '../errors.js';
import { pathFromText, type BytePath } from '../format/path.js';
import { ManifestCatalog } from '../repository/catalog-manifests.js';
import { HeadCatalog } from '../repository/catalog-heads.js';
import { defaultCacheDirectory } from '../repository/cache-directory.js';
import { readBackup, readDetail } from '../repository/manifests.js';
import type { DescribedSummary } from '../repository/resolve.js';
import { readSummaries } from '../repository/summaries.js';
import { createPackChecker } from '../repository/workers/pack-checker.js';
import { forget } from '../retention/forget.js';
import { olderThan } from '../retention/older-than.js';
import { planForget } from '../retention/plan.js';
import { resolveRoot } from '../source/root.js';
import { checkDatabaseData } from '../source/sqlite/integrity.js';
import { formatVerificationKey } from '../vault/verification-key.js';
import { verify } from '../verify/verify.js';
import { entryOf, unreadableEntry, type BackupEntry } from './entry.js';
import { Opened, THREADS } from './opened.js';
import type { Settings } from './settings.js';
import type { Answers, Tasks } from './protocol.js';

/** Milliseconds that a locked database keeps a backup waiting. */
const LOCK_WAIT_MS = 30_000;

/** Every task by its name. */
export const TASKS: {
  readonly [Name in keyof Tasks]: (settings: Settings, task: Tasks[Name]) => Promise<Answers[Name]>;
} = { create, list, verify: verifyOne, prune };

async function create(settings: Settings, { purpose }: Tasks['create']): Promise<Answers['create']> {
  await using opened = await Opened.orCreated(settings);
  const { repository, catalog } = opened;
  const result = await backup(repository, catalog, {
    selection: {
      sources: [settings.directory],
      exclude: [],
      excludeCaches: false,
      oneFileSystem: false,
      skip: [settings.backupDir, defaultCacheDirectory()],
    },
    labels: { host: hostname(), tags: [], purpose, writer: `nbak ${programVersion()}` },
    stagingDirectory: tmpdir(),
    lockWaitMs: LOCK_WAIT_MS,
    threads: THREADS,
  });
  const made = await readBackup(repository, result.id);
  const detail = await readDetail(made.manifest, await opened.blobsForDetails());
  const problems = [...result.unreadable, ...result.torn, ...result.damaged].map(
    ({ path, message }) => `${path}: ${message}`,
  );
  if (result.cut === 'none') problems.push('The databases could not be seen at one moment');
  return {
    entry: entryOf(settings.backupDir, made, detail),
    problems: isComplete(result) ? [] : problems,
  };
}

async function list(settings: Settings): Promise<Answers['list']> {
  try {
    await using opened = await Opened.existing(settings);
    const { described, unreadable } = await describeAll(opened);
    return [
      ...described.map((each) => entryOf(settings.backupDir, each, each.detail)),
      ...unreadable.map(({ id, error }): BackupEntry => unreadableEntry(settings.backupDir, id, error)),
    ];
  } catch (error) {
    // Before the first backup there is no repository.
    if (isNbakError(error, 'REPOSITORY_NOT_FOUND')) return [];
    throw error;
  }
}

async function verifyOne(settings: Settings, { path }: Tasks['verify']): Promise<Answers['verify']> {
  await using opened = await Opened.existing(settings);
  const { repository, catalog } = opened;
  const source = await opened.backup(path);
  const packs = createPackChecker(THREADS, source.secrets);
  try {
    const heads = new HeadCatalog(catalog, formatVerificationKey(repository.verificationKey));
    const result = await verify(
      repository,
      { packs, backups: [source.backup.id], heads },
      { ...source, checkDatabase: (data) => checkDatabaseData(data, tmpdir()) },
    );
    return {
      valid: result.ok,
      errors: result.problems.flatMap(({ message, files }) => [
        message,
        ...files.map((file) => `Damaged: ${file}`),
      ]),
      files_checked: result.decrypted?.files ?? 0,
    };
  } finally {
    await packs.close();
  }
}

async function prune(settings: Settings, { days }: Tasks['prune']): Promise<Answers['prune']> {
  try {
    await using opened = await Opened.existing(settings);
    const { described, unreadable } = await describeAll(opened);
    const [doubtful] = unreadable;
    // It may be the newest, or the last good one may be about to go.
    if (doubtful !== undefined) throw doubtful.error;
    const own = described.filter(isOf(rootPath(settings.directory)));
    const plan = await planForget(opened.repository, olderThan(own, days, Date.now()));
    await forget(opened.repository, plan);
    return plan.backups.length;
  } catch (error) {
    if (isNbakError(error, 'REPOSITORY_NOT_FOUND')) return 0;
    throw error;
  }
}

async function describeAll(opened: Opened) {
  const { repository, catalog } = opened;
  const { backups, unreadable } = await readSummaries(repository, new ManifestCatalog(catalog, repository));
  const blobs = await opened.blobsForDetails();
  const described: DescribedSummary[] = [];
  for (const each of backups) described.push({ ...each, detail: await readDetail(each.manifest, blobs) });
  return { described, unreadable };
}

/** Backups of one directory alone, from whatever host: a container has another name after every update. */
function isOf(directory: BytePath): (backup: DescribedSummary) => boolean {
  return ({ detail }) => detail?.roots.length === 1 && detail.roots[0]?.path === directory;
}

function rootPath(directory: string): BytePath {
  try {
    return resolveRoot(directory).directory as BytePath;
  } catch (error) {
    if (!isNbakError(error, 'SOURCE_NOT_FOUND')) throw error;
    return pathFromText(resolve(directory));
  }
}
