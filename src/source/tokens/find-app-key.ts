/** Finds an application's own key where its profile says that it may be. */

import { readFileSync, statSync } from 'node:fs';
import { parseAppKey } from '../../crypto/fernet.js';
import type { AppKeyOrigin } from '../../format/app-keys.js';
import { pathFromText, type BytePath } from '../../format/path.js';
import type { AppKeySource } from '../profiles/app-keys.js';
import { readSettings } from '../profiles/environment.js';
import { sourcePath } from '../root.js';

/** Longest file that can be an app key, in bytes (§11.4). */
export const MOST_APP_KEY_BYTES = 1024 * 1024;

/** Behind the name of an app key's file while `nbak appkey rotate` is at work: the next key. */
export const NEXT_KEY_SUFFIX = '.nbak-next';

/** An app key as it was found. `text` is what its file or variable holds; that of a file may be no Fernet key. */
export interface FoundAppKey {
  readonly kind: AppKeyOrigin['kind'];
  /** Path below the root, or the variable's name. */
  readonly at: BytePath;
  readonly text: string;
}

/**
 * The first of `sources` that is there.
 *
 * @param directory - the root, absolute, one character per byte.
 */
export function findAppKey(directory: string, sources: readonly AppKeySource[]): FoundAppKey | undefined {
  for (const source of sources) {
    const found = 'file' in source ? inFile(directory, source.file) : inVariable(directory, source);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inFile(directory: string, file: string): FoundAppKey | undefined {
  const at = pathFromText(file);
  const text = readShort(sourcePath({ directory }, at));
  return text === undefined || text === '' ? undefined : { kind: 'file', at, text };
}

/** Other programs have variables of the same name: what is no Fernet key is theirs. */
function inVariable(
  directory: string,
  { environment: name, settings }: Extract<AppKeySource, { readonly environment: string }>,
): FoundAppKey | undefined {
  const at = pathFromText(name);
  const files = settings ?? [sourcePath({ directory }, '.env' as BytePath)];
  const set = files.map((file) => readSettings(file)[name]).find((value) => value !== undefined);
  const text = set ?? process.env[name];
  if (text === undefined || parseAppKey(text) === undefined) return undefined;
  return { kind: set === undefined ? 'environment' : 'env-file', at, text };
}

/** The text of a file; undefined where there is none that could be a key. */
function readShort(path: Buffer): string | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MOST_APP_KEY_BYTES) return undefined;
    return readFileSync(path, 'utf8');
  } catch {
    // It is not there, or cannot be read: the walk says so.
    return undefined;
  }
}
