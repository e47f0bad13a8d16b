/** What npm would publish: unpacked somewhere else, it is the program. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { makePlace, parseLine, writeTree, type BackupJson, type RestoreJson } from '../support/cli.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What the bundle leaves to be installed beside it. */
const BESIDE = ['@koromix', '@zxcvbn-ts', 'better-sqlite3', 'koffi', 'zstd-napi'];

interface PackageJson {
  readonly version: string;
  readonly bin: { readonly nbak: string };
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Packs this checkout as it is built, and unpacks it where only {@link BESIDE} is installed. */
function installIn(directory: string): { readonly program: string; readonly manifest: PackageJson } {
  const modules = join(directory, 'node_modules');
  mkdirSync(modules, { recursive: true });
  const npm = ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory];
  execFileSync('npm', npm, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const [packed = ''] = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', join(directory, packed), '-C', directory]);
  const home = join(modules, 'nbak');
  renameSync(join(directory, 'package'), home);
  for (const name of BESIDE) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as PackageJson;
  return { program: join(home, manifest.bin.nbak), manifest };
}

describe('the package', () => {
  it('backs up, verifies and restores where it is installed: its threads and its capture process start', async () => {
    const place = await makePlace({ init: false });
    const { program, manifest } = installIn(place.path('installed'));
    const env = { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key };
    const run = (...args: readonly string[]) => place.run([...args, '--json'], { program, env });
    expect((await place.run(['--version'], { program })).stdout).toBe(`${manifest.version}\n`);

    writeTree(place.source, { 'notes/a.md': 'a note' });
    const database = new Database(join(place.source, 'chat.db'));
    database.exec("CREATE TABLE chat (text TEXT); INSERT INTO chat VALUES ('hello')");
    database.close();
    expect(await run('init')).toMatchObject({ exit: 0 });
    const backup = await run('backup', place.source, '--threads', '2');
    expect(parseLine<BackupJson>(backup)).toMatchObject({ cut: 'proven', filesTotal: 2 });
    expect(await run('verify')).toMatchObject({ exit: 0 });
    const restored = await run('restore', 'latest', '--target', place.path('restored'));
    expect(parseLine<RestoreJson>(restored).databases).toMatchObject([{ verdict: 'ok' }]);
    expect(readFileSync(join(place.path('restored'), 'notes/a.md'), 'utf8')).toBe('a note');
  });

  it('carries the licenses of what is bundled into it', () => {
    const licenses = readFileSync(join(ROOT, 'dist/program/LICENSES.txt'), 'utf8');
    for (const name of ['cborg', 'commander', 'ignore', '@scure/base'])
      expect(licenses).toContain(`${name}\n`);
  });
});
