/** Finding the backup that a command's arguments mean. */

import { hostname } from 'node:os';
import { NbakError } from '../../errors.js';
import { readBackup, readDetail } from '../../repository/manifests.js';
import {
  resolveBackup,
  resolveId,
  type DescribedBackup,
  type DescribedSummary,
} from '../../repository/resolve.js';
import { PageReader } from '../../repository/pages.js';
import type { Repository } from '../../repository/open.js';
import type { ContentReader } from '../../repository/content-reader.js';
import type { Context } from '../context.js';
import { describeBackups, toFilter, type FilterOptions } from '../describe.js';

/** A backup and what reads it. */
export interface SelectedBackup {
  readonly repository: Repository;
  readonly backup: DescribedBackup;
  readonly verified: boolean;
  readonly pages: PageReader;
}

/**
 * The backup that `text` means, opened with whatever keys were given.
 *
 * @throws NbakError `BACKUP_NOT_FOUND`, `BACKUP_AMBIGUOUS`, or what opening throws.
 */
export async function selectBackup(
  context: Context,
  text: string,
  options: FilterOptions,
): Promise<SelectedBackup> {
  const { repository, unlocked, verified } = await context.open();
  const sealed = unlocked !== undefined && repository.names === 'sealed';
  const reader = sealed ? await context.reader(unlocked) : undefined;
  const backup = await choose(context, { repository, reader, text, options });
  return { repository, backup, verified, pages: reader?.pages ?? new PageReader(repository) };
}

/** The backup that `text` means, with everything that reads its content. */
export async function selectContent(
  context: Context,
  text: string,
  options: FilterOptions,
): Promise<{ readonly backup: DescribedBackup; readonly reader: ContentReader }> {
  const unlocked = await context.unlock();
  const reader = await context.reader(unlocked);
  return { reader, backup: await choose(context, { repository: unlocked, reader, text, options }) };
}

async function choose(
  context: Context,
  wanted: {
    readonly repository: Repository;
    readonly reader: ContentReader | undefined;
    readonly text: string;
    readonly options: FilterOptions;
  },
): Promise<DescribedBackup> {
  const { repository, reader } = wanted;
  const known = context.manifests(repository);
  const { backups, unreadable } = await describeBackups(repository, known, reader?.blobs);
  if (wanted.text === 'latest') assertFilterable(backups, wanted.options);
  const [doubtful] = unreadable;
  if (wanted.text === 'latest' && doubtful !== undefined) {
    // It may be the newest: an older state must not be taken for it in silence.
    const { code, message, details } = doubtful.error;
    throw new NbakError(code, `Cannot tell which backup is the latest: ${message}`, {
      details,
      hint: 'Give the id of one that `nbak list` shows.',
      cause: doubtful.error,
    });
  }
  if (wanted.text !== 'latest') {
    const id = resolveId(
      [...backups, ...unreadable].map((each) => each.id),
      wanted.text,
    );
    const bad = unreadable.find((each) => each.id === id);
    if (bad !== undefined) throw bad.error;
  }
  // `latest` means the latest of this machine, unless another is named.
  const { id } = resolveBackup(backups, wanted.text, { host: hostname(), ...toFilter(wanted.options) });
  // What is worked on is what lies there now, whatever the cache remembers.
  const { manifest } = await readBackup(repository, id);
  return { id, manifest, detail: await readDetail(manifest, reader?.blobs) };
}

/**
 * Refuses a filter that cannot be applied because names are sealed.
 *
 * @throws NbakError `KEY_MISSING`.
 */
export function assertFilterable(backups: readonly DescribedSummary[], options: FilterOptions): void {
  const wantsFilter = Object.keys(toFilter(options)).length > 0;
  if (!wantsFilter || backups.every(({ detail }) => detail !== undefined)) return;
  throw new NbakError(
    'KEY_MISSING',
    'The names in this repository are sealed: the vault key is needed to filter by them',
    {
      hint: 'Give it with NBAK_VAULT_KEY, --vault-key-file or --vault-key-command, or name the backup by its id.',
    },
  );
}
