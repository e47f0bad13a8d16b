/** System calls of Linux that Node has no functions for: extended attributes, holes of sparse files, fifos. */

import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import type Koffi from 'koffi';
import type { LibraryHandle } from 'koffi';

const require = createRequire(import.meta.url);

/** As in the manuals; each returns −1 on failure. */
const DECLARATIONS = {
  llistxattr: 'intptr_t llistxattr(uint8_t *path, uint8_t *list, uintptr_t size)',
  flistxattr: 'intptr_t flistxattr(int descriptor, uint8_t *list, uintptr_t size)',
  lgetxattr: 'intptr_t lgetxattr(uint8_t *path, uint8_t *name, uint8_t *value, uintptr_t size)',
  fgetxattr: 'intptr_t fgetxattr(int descriptor, uint8_t *name, uint8_t *value, uintptr_t size)',
  lsetxattr: 'int lsetxattr(uint8_t *path, uint8_t *name, uint8_t *value, uintptr_t size, int flags)',
  fsetxattr: 'int fsetxattr(int descriptor, uint8_t *name, uint8_t *value, uintptr_t size, int flags)',
  lremovexattr: 'int lremovexattr(uint8_t *path, uint8_t *name)',
  lseek: 'int64_t lseek(int descriptor, int64_t offset, int whence)',
  mkfifo: 'int mkfifo(uint8_t *path, uint32_t mode)',
} as const;

/** The name of a system call. */
export type SystemCallName = keyof typeof DECLARATIONS;

/** A call by its name, with arguments as the manual has them; text ends with a zero byte ({@link zeroEnded}). */
export type SystemCall = (name: SystemCallName, ...args: readonly (number | Uint8Array)[]) => number;

/** Where `off_t` has 64 bits whatever a program was compiled for, on which the declaration of lseek relies. */
const WIDE = ['x64', 'arm64', 'riscv64', 'loong64', 'ppc64'];

/** What {@link Statx} fills. */
export const STATX_BYTES = 256;

/** `statx` without following links, of all that `stat` gives; 0 where it succeeded. `name` must be ASCII. */
export type Statx = (descriptor: number, name: string, into: Uint8Array) => number;

interface Loaded {
  readonly call: SystemCall | undefined;
  readonly statx: Statx | undefined;
}

const NOTHING: Loaded = { call: undefined, statx: undefined };
let loaded: Loaded | undefined;

/**
 * What makes system calls, loaded at first use, which takes some milliseconds. Calls throw as those of `node:fs` do:
 * an error whose `code` is the name of what went wrong.
 *
 * @returns undefined where they cannot be had; then what needs them is left out.
 */
export function systemCalls(): SystemCall | undefined {
  return loadOnce().call;
}

/** The call that costs least where there are many to make; undefined where it cannot be had. */
export function statxCall(): Statx | undefined {
  return loadOnce().statx;
}

function loadOnce(): Loaded {
  return (loaded ??= process.platform === 'linux' && WIDE.includes(process.arch) ? load() : NOTHING);
}

/** Bytes as the system takes text. */
export function zeroEnded(text: Uint8Array): Uint8Array {
  return Buffer.concat([text, Buffer.of(0)]);
}

function load(): Loaded {
  try {
    const koffi = require('koffi') as typeof Koffi;
    const libc = koffi.load(null);
    const functions = new Map<SystemCallName, (...args: readonly unknown[]) => number>();
    for (const [name, declaration] of Object.entries(DECLARATIONS))
      functions.set(name as SystemCallName, libc.func(declaration));
    const call: SystemCall = (name, ...args) => {
      const result = functions.get(name)?.(...args) ?? -1;
      if (result < 0) throw failed(name, koffi.errno());
      return result;
    };
    return { call, statx: loadStatx(libc) };
  } catch {
    // No binary for this system, or it was left out when the program was installed.
    return NOTHING;
  }
}

function loadStatx(libc: LibraryHandle): Statx | undefined {
  try {
    const statx = libc.func('int statx(int at, const char *name, int flags, uint32_t mask, uint8_t *buffer)');
    return (descriptor, name, into) =>
      statx(descriptor, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, into) as number;
  } catch {
    // A C library from before 2018.
    return undefined;
  }
}

const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;

function failed(name: SystemCallName, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${code}: ${name}`), { code, errno, syscall: name });
}
