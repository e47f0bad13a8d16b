/**
 * A process that makes many backups of one file. It takes gigabytes, and every program that is measured starts as a
 * copy of the bench's own process: to copy that many page tables takes a fifth of a second.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  backup,
  nodeCrypto,
  openCatalog,
  openLocalStorage,
  openWithVaultKey,
  parseVaultKey,
  type BackupOptions,
  type CryptoProvider,
} from '#nbak/index.js';

/** Where the backups go, and of what they are. */
export interface ManyBackups {
  readonly repository: string;
  readonly keyFile: string;
  /** A directory for everything else; exists. */
  readonly directory: string;
  readonly count: number;
}

/** Makes the backups, each of `one-file` in the directory. */
export function makeManyBackups(order: ManyBackups): void {
  execFileSync(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(order)]);
}

async function run({ repository: path, keyFile, directory, count }: ManyBackups): Promise<void> {
  const source = join(directory, 'one-file');
  mkdirSync(source);
  writeFileSync(join(source, 'note.md'), 'Buy milk\n');
  const storage = await openLocalStorage(path, { mode: 'existing' });
  const keyBytes = parseVaultKey(readFileSync(keyFile, 'utf8').trim());
  const repository = await openWithVaultKey(storage, rememberingSignatures(), keyBytes);
  const catalog = openCatalog(join(directory, 'nbak-cache'), repository.id);
  const options: BackupOptions = {
    selection: { sources: [source], exclude: [], excludeCaches: false, oneFileSystem: false, skip: [] },
    labels: { host: 'bench', tags: [], purpose: 'ordinary', writer: 'bench' },
    stagingDirectory: directory,
    lockWaitMs: 0,
    threads: 0,
  };
  for (let made = 0; made < count; made += 1) await backup(repository, catalog, options);
  catalog.close();
  await storage.close();
}

/** Each backup looks at all before it, which this process made itself: one look at a signature is enough here. */
function rememberingSignatures(): CryptoProvider {
  const good = new Set<string>();
  return {
    ...nodeCrypto,
    ed25519Verify(publicKey, signature, message) {
      const name = Buffer.from(signature).toString('latin1');
      if (good.has(name)) return true;
      const isGood = nodeCrypto.ed25519Verify(publicKey, signature, message);
      if (isGood) good.add(name);
      return isGood;
    },
  };
}

const [, program, order = ''] = process.argv;
if (program === fileURLToPath(import.meta.url)) await run(JSON.parse(order) as ManyBackups);
