/** Hands an app key out of a backup, alone. */

import { NbakError } from '../errors.js';
import type { ManifestDetail } from '../format/manifest.js';
import { readAppKeys } from '../repository/app-keys.js';
import type { BlobReader } from '../repository/blob-reader.js';
import type { Backup } from '../repository/manifests.js';
import { noAppKeys } from './check.js';

/**
 * The text of an app key, byte for byte what its file or variable held.
 *
 * @param name - which of several; undefined where there is one.
 * @throws NbakError `APP_KEY_NOT_FOUND`; `USAGE_INVALID` where a name is needed; what opening its blob throws.
 */
export async function readAppKeyText(
  blobs: BlobReader,
  { backup, detail }: { readonly backup: Backup; readonly detail: ManifestDetail },
  name: string | undefined,
): Promise<{ readonly name: string; readonly text: string }> {
  const keys = await readAppKeys(backup, detail, blobs);
  const found = keys.flatMap(({ row, text }) => (text === undefined ? [] : [{ name: row.name, text }]));
  if (found.length === 0) throw noAppKeys(backup);
  const chosen = found.filter((key) => name === undefined || key.name === name);
  const [first] = chosen;
  const names = [...new Set(found.map((key) => key.name))];
  if (first === undefined) {
    throw new NbakError('APP_KEY_NOT_FOUND', `The backup carries no app key ${JSON.stringify(name)}`, {
      details: { backup: backup.id, names },
      hint: `It carries: ${names.join(', ')}.`,
    });
  }
  if (new Set(chosen.map(({ text }) => text)).size === 1) return first;
  throw new NbakError('USAGE_INVALID', `The backup carries ${chosen.length} app keys`, {
    details: { backup: backup.id, names },
    hint: `Choose one with --name: ${names.join(', ')}.`,
  });
}
