/** What the user means by BACKUP: an id, a unique prefix, or `latest` among those that match. */

import { NbakError } from '../errors.js';
import type { BackupId } from '../format/ids.js';
import type { ManifestDetail } from '../format/manifest.js';
import { pathToText } from '../format/path.js';
import type { DetailSummary } from './catalog-manifests.js';
import type { Backup } from './manifests.js';
import type { BackupSummary } from './summaries.js';

/** A backup with its detail, where that can be read. */
export interface DescribedBackup extends Backup {
  /** Absent where names are sealed and there is no vault key. */
  readonly detail: ManifestDetail | undefined;
}

/** A backup as far as one chooses by it. */
export interface DescribedSummary extends BackupSummary {
  /** Absent where names are sealed and there is no vault key. */
  readonly detail: DetailSummary | undefined;
}

/** What a backup must have to be meant. */
export interface BackupFilter {
  readonly host?: string;
  /** Absolute path of a root. */
  readonly path?: string;
  readonly tag?: string;
}

/** Says whether a backup matches; one whose detail is sealed matches only an empty filter. */
export function matchesFilter({ detail }: DescribedSummary, { host, path, tag }: BackupFilter): boolean {
  if (detail === undefined) return host === undefined && path === undefined && tag === undefined;
  return (
    (host === undefined || detail.host === host) &&
    (path === undefined || detail.roots.some((root) => pathToText(root.path) === path)) &&
    (tag === undefined || detail.tags.includes(tag))
  );
}

/** A backup's source, for people: host and paths. */
export function describeSource({ detail }: DescribedSummary): string {
  if (detail === undefined) return 'sealed';
  return `${detail.host}:${detail.roots.map(({ path }) => pathToText(path)).join(',')}`;
}

/**
 * The backup that `text` means.
 *
 * @param backups - newest first.
 * @param filter - for `latest` only.
 * @throws NbakError `BACKUP_NOT_FOUND` or `BACKUP_AMBIGUOUS`.
 */
export function resolveBackup<Described extends DescribedSummary>(
  backups: readonly Described[],
  text: string,
  filter: BackupFilter,
): Described {
  return text === 'latest' ? resolveLatest(backups, filter) : resolvePrefix(backups, text);
}

/**
 * The one id that is or begins with `text`.
 *
 * @throws NbakError `BACKUP_NOT_FOUND` or `BACKUP_AMBIGUOUS`.
 */
export function resolveId(ids: readonly BackupId[], text: string): BackupId {
  const matching = ids.filter((id) => id.startsWith(text.toLowerCase()));
  const [only] = matching;
  if (text !== '' && only !== undefined && matching.length === 1) return only;
  if (text === '' || matching.length === 0) {
    throw new NbakError('BACKUP_NOT_FOUND', `There is no backup ${JSON.stringify(text)}`, {
      details: { backup: text },
      hint: 'See what there is with `nbak list`.',
    });
  }
  throw new NbakError('BACKUP_AMBIGUOUS', `${text} is the beginning of ${matching.length} backup ids`, {
    details: { backup: text, matching: matching.slice(0, 10) },
    hint: 'Give more characters of it.',
  });
}

function resolvePrefix<Described extends DescribedSummary>(
  backups: readonly Described[],
  text: string,
): Described {
  const id = resolveId(
    backups.map((backup) => backup.id),
    text,
  );
  const backup = backups.find((each) => each.id === id);
  if (backup === undefined) throw new RangeError('a resolved backup is in the list');
  return backup;
}

/** `--path A` means the backups of A alone before those of A and B. */
function isExactly({ detail }: DescribedSummary, { path }: BackupFilter): boolean {
  return path !== undefined && detail?.roots.length === 1;
}

function resolveLatest<Described extends DescribedSummary>(
  backups: readonly Described[],
  filter: BackupFilter,
): Described {
  const ordinary = backups.filter(({ manifest }) => manifest.purpose !== 'safety');
  // Without names there is nothing to filter by; the newest is the best answer there is.
  const sealed = ordinary.length > 0 && ordinary.every(({ detail }) => detail === undefined);
  const matching = sealed ? ordinary : ordinary.filter((backup) => matchesFilter(backup, filter));
  const exact = matching.filter((backup) => isExactly(backup, filter));
  const candidates = exact.length > 0 ? exact : matching;
  const sources = [...new Set(candidates.map(describeSource))];
  const [newest] = candidates;
  if (newest === undefined) {
    const hosts = [...new Set(ordinary.map(({ detail }) => detail?.host ?? 'sealed'))];
    throw new NbakError('BACKUP_NOT_FOUND', 'No backup matches', {
      details: { host: filter.host ?? null, path: filter.path ?? null, tag: filter.tag ?? null, hosts },
      hint:
        hosts.length > 0
          ? `There are backups of ${hosts.join(', ')}: say which with --host.`
          : 'Make one with `nbak backup`.',
    });
  }
  if (sources.length > 1) {
    throw new NbakError(
      'BACKUP_AMBIGUOUS',
      `The latest backup of which source? There are ${sources.length}: ${sources.join(' ')}`,
      {
        details: { sources },
        hint: 'Say which with --path, --host or --tag, or give an id.',
      },
    );
  }
  return newest;
}
