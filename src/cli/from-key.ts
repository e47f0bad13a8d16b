/** The vault key of something that is no repository: of a backup that another program made. */

import { readVaultKey } from '../vault/key-source.js';
import type { Context } from './context.js';

/** Options of commands that read encrypted backups of others. */
export interface FromKeyOptions {
  readonly fromVaultKeyFile?: string;
}

/** The text of that key, undefined where none was given for it. */
export function fromVaultKeyText({ fromVaultKeyFile: file }: FromKeyOptions): string | undefined {
  const environment = process.env['NBAK_FROM_VAULT_KEY'];
  return readVaultKey({
    ...(file !== undefined && { file }),
    ...(environment !== undefined && { environment }),
  });
}

/** That key, or else the vault key as everywhere: who moves to nbak may well keep it. */
export function fromOrOwnVaultKeyText(context: Context, options: FromKeyOptions): string | undefined {
  return fromVaultKeyText(options) ?? context.vaultKeyText();
}
