/**
 * Loads the files of dist/program with the code that V8 made of them when they were built: parsing and compiling them
 * takes a tenth of a short command. Node does the like itself from 22.1 on (`module.enableCompileCache`).
 */

import type * as Crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

type Require = (name: string) => unknown;
type Run = (exports: object, require: Require, module: object, filename: string, dirname: string) => void;

/** What comes after a file's name in that of its code. */
const CODE_SUFFIX = '.code';
const DIGEST_BYTES = 32;

const directory = dirname(fileURLToPath(import.meta.url));
const requirePackage = createRequire(import.meta.url);
const scripts = new Map<string, Script>();
/** By name, as files require each other; those that are being loaded too. */
const modules = new Map<string, { exports: object }>([['./code-cache.js', { exports: { load, codeOf } }]]);

/**
 * Loads a file of the program, as `require` does.
 *
 * @param name - of a file beside this one, from `./` on.
 */
export function load(name: string): object {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  try {
    const filename = join(directory, name);
    const run = scriptOf(filename).runInThisContext() as Run;
    run(module.exports, requireFrom, module, filename, directory);
  } catch (error) {
    modules.delete(name);
    throw error;
  }
  return module.exports;
}

/** For the build: what lies beside a file as its code, with those functions that have run in this process. */
export function codeOf(name: string): Uint8Array {
  const filename = join(directory, name);
  const code = (scripts.get(filename) ?? scriptOf(filename)).createCachedData();
  return Buffer.concat([digestOf(readFileSync(filename), code), code]);
}

function requireFrom(name: string): unknown {
  return name.startsWith('./') ? load(name) : requirePackage(name);
}

function scriptOf(filename: string): Script {
  const source = readFileSync(filename);
  const cachedData = codeFor(filename, source);
  // The first line of what npm links, which others require too, is for the shell.
  const body = source.toString().replace(/^#!/, '//');
  const script = new Script(`(function (exports, require, module, __filename, __dirname) { ${body}\n})`, {
    filename,
    ...(cachedData !== undefined && { cachedData }),
  });
  scripts.set(filename, script);
  return script;
}

/**
 * The code of a file, unless it is another file's, or damaged. V8 itself compares versions, flags and lengths, so that
 * it compiles anew what another Node made, but it would run whatever a flipped bit made of its code.
 */
function codeFor(filename: string, source: Uint8Array): Uint8Array | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(filename + CODE_SUFFIX);
  } catch {
    return undefined;
  }
  const code = bytes.subarray(DIGEST_BYTES);
  return digestOf(source, code).equals(bytes.subarray(0, DIGEST_BYTES)) ? code : undefined;
}

function digestOf(source: Uint8Array, code: Uint8Array): Buffer {
  // Loaded when it is needed: `--version` has no code, and is to take hardly longer than Node itself.
  const { createHash } = requirePackage('node:crypto') as typeof Crypto;
  return createHash('sha256').update(source).update(code).digest();
}
