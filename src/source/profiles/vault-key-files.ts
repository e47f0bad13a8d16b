/** Files that hold the vault key in use: a backup that needs it to be opened must not be where it is kept. */

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parseVaultKey } from '../../vault/vault-key.js';

/** Longest file that is looked into. */
const MOST_BYTES = 16 * 1024;

/**
 * The names of files directly in `directory` that are the vault key, or that have it as the value of one of their
 * `NAME=value` lines. Files deeper down are not looked at: applications keep keys at the top.
 */
export function filesWithVaultKey(directory: string, vaultKey: Uint8Array): readonly string[] {
  return namesIn(directory).filter((name) => {
    const text = readShort(join(directory, name));
    return text !== undefined && holds(text, vaultKey);
  });
}

function holds(text: string, vaultKey: Uint8Array): boolean {
  const values = [text, text.trim(), ...Object.values(parseEnv(text))];
  return values.some((value) => isVaultKey(value ?? '', vaultKey));
}

function isVaultKey(text: string, vaultKey: Uint8Array): boolean {
  if (text === '') return false;
  try {
    return Buffer.from(parseVaultKey(text)).equals(vaultKey);
  } catch {
    // No key at all.
    return false;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readShort(path: string): string | undefined {
  try {
    const stat = lstatSync(path);
    return stat.isFile() && stat.size > 0 && stat.size <= MOST_BYTES ? readFileSync(path, 'utf8') : undefined;
  } catch {
    // Whoever backs it up says that it cannot be read.
    return undefined;
  }
}
