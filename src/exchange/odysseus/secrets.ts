/** Keeping credentials out of a file that anybody may come to read. */

import { isObject } from './export-file.js';

/** Names under which Odysseus keeps plaintext credentials; its own later versions mask the same. */
const SECRET_NAME = /secret|token|password|passwd|api_key|credential|^google_pse_key$/i;

/** A token of Odysseus' app key, which no other instance has. */
const SEALED = /^enc:/;

/**
 * A copy of a section without the keys that hold a credential, at any depth. They are left out whole and not masked:
 * Import overwrites key by key, and would put a mask, or what is left of an object, in the place of what works.
 *
 * @param withheld - gets the names of what was left out.
 */
export function withoutSecrets(section: unknown, name: string, withheld: string[]): unknown {
  if (!isObject(section)) return section;
  const kept = Object.entries(section).filter(([key, value]) => {
    const isSecret = holdsSecret(key, value);
    if (isSecret) withheld.push(`${name}.${key}`);
    return !isSecret;
  });
  return Object.fromEntries(kept);
}

function holdsSecret(key: string, value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && (SECRET_NAME.test(key) || SEALED.test(value));
  if (Array.isArray(value)) return value.some((item: unknown) => holdsSecret(key, item));
  return isObject(value) && Object.entries(value).some(([inner, item]) => holdsSecret(inner, item));
}
