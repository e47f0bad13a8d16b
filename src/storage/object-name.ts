/** Names of stored objects: what they may look like, so that no name can lead outside a repository. */

import { NbakError } from '../errors.js';

declare const objectName: unique symbol;

/**
 * A checked name such as `packs/ab/ab12…`: '/'-separated components of [a-z0-9] and single inner dots, at most
 * {@link MAX_OBJECT_NAME} characters. Made by {@link parseObjectName} or {@link isObjectName} only.
 */
export type ObjectName = string & { readonly [objectName]: true };

/** Longest name, in characters. The longest of DESIGN §4.10 has 73; object stores and SFTP servers take 255. */
export const MAX_OBJECT_NAME = 200;

/**
 * The folder for half-written objects. A storage writes there on its own account: objects in it can be listed,
 * read and deleted, but not put.
 */
export const TEMPORARY_PREFIX = 'tmp/';

// Dots stand alone and inside: '..', hidden files and names that Windows strips are all impossible.
const COMPONENT = '[a-z0-9]+(?:\\.[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`, 'u');
const PREFIX = new RegExp(`^(?:${COMPONENT}/)*(?:${COMPONENT}\\.?)?$`, 'u');

/** Says whether `text` is a well-formed object name. */
export function isObjectName(text: string): text is ObjectName {
  return text.length <= MAX_OBJECT_NAME && NAME.test(text);
}

/**
 * `text` as an object name.
 *
 * @throws NbakError PATH_UNSAFE if it is not well-formed.
 */
export function parseObjectName(text: string): ObjectName {
  if (isObjectName(text)) return text;
  throw unsafe('an object name', text);
}

/**
 * Checks that `text` is '' or a beginning of a well-formed name.
 *
 * @throws NbakError PATH_UNSAFE if no object name can begin with it.
 */
export function assertNamePrefix(text: string): void {
  if (text.length > MAX_OBJECT_NAME || !PREFIX.test(text)) throw unsafe('a beginning of object names', text);
}

/**
 * `name` as one that may be written.
 *
 * @throws NbakError PATH_UNSAFE if it is malformed or lies in the folder for half-written objects.
 */
export function assertWritableName(name: ObjectName): void {
  // Checked again although branded: this is the last line before a file system sees the name.
  if (name.startsWith(TEMPORARY_PREFIX)) throw unsafe('a name that objects are written to', name);
  parseObjectName(name);
}

/** `text` without control characters, fit for a message: a hostile storage chooses the names of its files. */
export function printableName(text: string): string {
  return text.slice(0, MAX_OBJECT_NAME * 2).replaceAll(/\p{C}/gu, '\u{FFFD}');
}

function unsafe(expected: string, text: string): NbakError {
  return new NbakError('PATH_UNSAFE', `${JSON.stringify(printableName(text))} is not ${expected}`, {
    details: { object: printableName(text) },
    hint: 'Names consist of lower-case letters, digits, inner dots and slashes.',
  });
}
