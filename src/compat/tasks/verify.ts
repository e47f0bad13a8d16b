/** The task `verify`: one backup and everything that it reaches, opened. */

import { tmpdir } from 'node:os';
import { HeadCatalog } from '../../repository/catalog-heads.js';
import { createPackChecker } from '../../repository/workers/pack-checker.js';
import { checkDatabaseData } from '../../source/sqlite/integrity.js';
import { formatVerificationKey } from '../../vault/verification-key.js';
import { verify } from '../../verify/verify.js';
import { Opened, THREADS } from '../opened.js';
import type { Answers, Tasks } from '../protocol.js';
import type { Settings } from '../settings.js';

/** Verifies. @throws NbakError what opening throws, and `BACKUP_NOT_FOUND`. */
export async function verifyOne(settings: Settings, { path }: Tasks['verify']): Promise<Answers['verify']> {
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
