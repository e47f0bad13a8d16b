/** The key that a rotation goes to (§23). */

import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { newAppKeyText, parseAppKey } from '../../crypto/fernet.js';
import { nodeCrypto } from '../../crypto/node.js';
import { utf8 } from '../../format/bytes.js';
import { pathToText } from '../../format/path.js';
import type { KeyToRotate } from './plan.js';
import { notRotatable } from './refusal.js';
import { writeLike } from './replacement.js';

/** Characters of a Fernet key. */
const KEY_CHARACTERS = 44;

/**
 * The key that a rotation which did not end was going to: tokens may be under it.
 *
 * @returns undefined where there is none, or only the beginning of one, under which no token can be.
 * @throws NbakError `APP_KEY_NOT_ROTATABLE` where something else is in its place.
 */
export function keyLeftBehind({ at, path, nextPath }: KeyToRotate): string | undefined {
  const stat = lstatSync(nextPath, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const shown = `${pathToText(at)}.nbak-next`;
  if (!stat.isFile() || ![lstatSync(path).uid, process.geteuid?.()].includes(stat.uid))
    throw notRotatable(`${shown} is not what a rotation leaves`, 'Look at it, and take it away.');
  const text = readFileSync(nextPath, 'utf8');
  if (parseAppKey(text) !== undefined) return text;
  if (text.trim().length < KEY_CHARACTERS) return undefined;
  throw notRotatable(`${shown} holds no Fernet key`, 'Look at it: tokens may be sealed with it.');
}

/** A new key in the form of the one that it will replace. */
export function drawNextKey({ text }: KeyToRotate): string {
  return text.replace(text.trim(), newAppKeyText(nodeCrypto));
}

/** Writes a new key beside the one that it will replace. */
export function writeNextKey({ path, nextPath }: KeyToRotate, text: string): void {
  writeLike(nextPath, utf8(text), path);
}

/** Takes away a new key under which nothing was sealed. */
export function removeNextKey({ nextPath }: KeyToRotate): void {
  rmSync(nextPath, { force: true });
}
