/** The task `create`: one backup, into a repository that is made where there is none. */

import { hostname, tmpdir } from 'node:os';
import { backup } from '../../backup/backup.js';
import { isComplete } from '../../backup/result.js';
import { programVersion } from '../../cli/version.js';
import { defaultCacheDirectory } from '../../repository/cache-directory.js';
import { readBackup, readDetail } from '../../repository/manifests.js';
import { applyProfiles } from '../../source/profiles/apply.js';
import { processEnvironment } from '../../source/profiles/environment.js';
import { parseVaultKey } from '../../vault/vault-key.js';
import { entryOf } from '../entry.js';
import { Opened, THREADS } from '../opened.js';
import type { Answers, Tasks } from '../protocol.js';
import type { Settings } from '../settings.js';

/** Milliseconds that a locked database keeps a backup waiting. */
const LOCK_WAIT_MS = 30_000;

/** Backs up. @throws NbakError what opening and `backup` throw. */
export async function create(settings: Settings, { purpose }: Tasks['create']): Promise<Answers['create']> {
  await using opened = await Opened.orCreated(settings);
  const { repository, catalog } = opened;
  const { profile, sources, outside, leftOut } = applyProfiles({
    sources: [settings.directory],
    profile: 'auto',
    includeSecrets: false,
    vaultKey: parseVaultKey(settings.vaultKey),
    environment: processEnvironment(),
  });
  // A manager's backups are of one directory: so they are restored, and so they are pruned.
  const [own, ...elsewhere] = sources;
  const beyond = [...outside, ...elsewhere.map(({ path }) => `${path}: outside the directory`)];
  const result = await backup(repository, catalog, {
    selection: {
      sources: own === undefined ? [] : [own],
      exclude: [],
      excludeCaches: false,
      oneFileSystem: false,
      skip: [settings.backupDir, defaultCacheDirectory()],
    },
    labels: {
      host: hostname(),
      tags: [],
      purpose,
      writer: `nbak ${programVersion()}`,
      profile,
      outside: beyond,
    },
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
    leftOut: [...leftOut.map(({ path, why }) => `${path}: ${why}`), ...beyond],
  };
}
