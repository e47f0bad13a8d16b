/**
 * Paths as bytes (§10.3). A path of a POSIX system is a byte string that need not be UTF-8. nbak holds it in a
 * JavaScript string with one character (U+0000–U+00FF) per byte, so that it compares, sorts and hashes as the
 * bytes do, and costs no allocation when it is a map key.
 */

import { NbakError } from '../errors.js';
import { LIMITS } from './limits.js';

declare const bytePath: unique symbol;
/** A path relative to its root, '/'-separated, one character per byte; '' is the root itself. */
export type BytePath = string & { readonly [bytePath]: true };

const asciiDecoder = new TextDecoder();

/** The path whose bytes are `bytes`; the bytes are not checked (see {@link assertSafePath}). */
export function pathFromBytes(bytes: Uint8Array): BytePath {
  // Nearly every path is ASCII, and backups have many.
  if (isAscii(bytes)) return asciiDecoder.decode(bytes) as BytePath;
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text as BytePath;
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte >= 0x80) return false;
  return true;
}

/** The bytes of `path`. */
export function pathToBytes(path: BytePath): Uint8Array {
  const bytes = new Uint8Array(path.length);
  for (let i = 0; i < path.length; i += 1) bytes[i] = path.charCodeAt(i);
  return bytes;
}

/** The path whose bytes are the UTF-8 of `text`. */
export function pathFromText(text: string): BytePath {
  return pathFromBytes(new TextEncoder().encode(text));
}

/** `path` as text for people: UTF-8, with U+FFFD where the bytes are not. */
export function pathToText(path: BytePath): string {
  // ASCII is its own UTF-8, and most paths are nothing else.
  return /[\u0080-\u00ff]/.test(path) ? DECODER.decode(pathToBytes(path)) : path;
}

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Compares two paths in path order (§10.3): component by component, each bytewise, so that a directory is
 * followed directly by everything below it.
 *
 * @returns a negative number, 0 or a positive number.
 */
export function comparePaths(a: BytePath, b: BytePath): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // '/' ends a component and therefore sorts before every byte a name can hold.
    if (x === SLASH) return -1;
    if (y === SLASH) return 1;
    return x - y;
  }
  return a.length - b.length;
}

const SLASH = 0x2f;

/**
 * Throws unless `path` may be restored below a target (§10.3).
 *
 * @throws NbakError `PATH_UNSAFE`.
 */
export function assertSafePath(path: BytePath): void {
  const reason = unsafeReason(path);
  if (reason !== undefined) throw unsafe(path, reason);
}

/**
 * Throws unless `name` is one safe component, as the name of a root is (§11.3).
 *
 * @throws NbakError `PATH_UNSAFE`.
 */
export function assertSafeComponent(name: BytePath): void {
  assertSafePath(name);
  if (name === '' || name.includes('/')) throw unsafe(name, 'is not one component');
}

function unsafe(path: BytePath, reason: string): NbakError {
  return new NbakError(
    'PATH_UNSAFE',
    `A path in the backup is unsafe: ${JSON.stringify(pathToText(path))} ${reason}`,
    {
      details: { path: pathToText(path), clause: '§10.3' },
      hint: 'nbak never writes such paths: the backup was made by something else. Nothing of it is restored.',
    },
  );
}

/** A component that is empty, `.` or `..`. */
const DOT_COMPONENT = /(?:^|\/)\.{0,2}(?:\/|$)/;

function unsafeReason(path: BytePath): string | undefined {
  if (path === '') return undefined;
  if (path.length > LIMITS.pathBytes) return 'is too long';
  if (path.includes('\0')) return 'has a zero byte';
  if (path.length <= LIMITS.componentBytes && !DOT_COMPONENT.test(path)) return undefined;
  for (const component of path.split('/')) {
    if (component === '') return 'has an empty component';
    if (component === '.' || component === '..') return `has a component ${component}`;
    if (component.length > LIMITS.componentBytes) return 'has a component that is too long';
  }
  return undefined;
}

/** The path of the directory that holds `path`; '' for what lies in the root, undefined for the root. */
export function parentPath(path: BytePath): BytePath | undefined {
  if (path === '') return undefined;
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0)) as BytePath;
}

/** `directory`/`name`, or `name` alone where `directory` is the root. */
export function joinPath(directory: BytePath, name: string): BytePath {
  return (directory === '' ? name : `${directory}/${name}`) as BytePath;
}
