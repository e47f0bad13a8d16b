/** Runs a piece of storage code in another process, under another user where a test needs one. */

import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A user without rights; running as it takes root. */
export const NOBODY = 65534;

/** Whether tests may become another user and mount file systems. */
export const isRoot = process.getuid?.() === 0;

/**
 * Writes `code`, a module body with `openLocalStorage`, `text`, `root` and `report` at hand, into `directory`
 * beside a copy of the built storage, which another user can read wherever the checkout lies.
 *
 * @returns the path of the module.
 */
export async function storageScript(directory: string, code: string): Promise<string> {
  const built = fileURLToPath(new URL('../../dist/', import.meta.url));
  const copy = join(directory, 'program');
  await mkdir(copy, { recursive: true });
  await cp(join(built, 'storage'), join(copy, 'storage'), { recursive: true });
  await cp(join(built, 'errors.js'), join(copy, 'errors.js'));
  await writeFile(join(copy, 'package.json'), '{"type":"module"}');
  const script = join(copy, 'script.js');
  await writeFile(
    script,
    `import { openLocalStorage } from './storage/local.js';
const root = process.argv[2];
const text = (value) => new TextEncoder().encode(value);
const report = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
const codeOf = (promise) => promise.then(() => 'fine', (error) => error.code ?? String(error));
${code}
`,
  );
  await chmod(directory, 0o755);
  return script;
}

/** Starts `script` on `root`, as `uid` if one is given. */
export function startScript(script: string, root: string, uid?: number): ChildProcess {
  const user = uid === undefined ? {} : { uid, gid: uid };
  return spawn(process.execPath, [script, root], { ...user, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The JSON lines that `child` printed, once it has ended well. */
export async function reports(child: ChildProcess): Promise<unknown[]> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (output += part));
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`The child ended with ${String(code)}: ${output}`);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
