/** Where an application's key is found when its profile names a variable (spec/profiles.md, 8). */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { pathToText } from '#nbak/format/path.js';
import { applyProfiles } from '#nbak/source/profiles/apply.js';
import { findAppKey } from '#nbak/source/tokens/find-app-key.js';
import { withDirectory } from '../support/engine-run.js';

const [OWN, OTHER] = [newAppKeyText(nodeCrypto), newAppKeyText(nodeCrypto)];
/** Laravel's, which is base64 of 32 bytes too, behind a word. */
const FOREIGN = `base64:${Buffer.alloc(32, 7).toString('base64')}`;
const DATA = { 'app.db': '', 'auth.json': '{}', 'sessions.json': '{}', 'memory.json': '[]' };

/** What is found of `odysseus` in each source of a backup of `source`, with `variable` as nbak's own APP_KEY. */
function foundIn(
  files: Readonly<Record<string, string>>,
  source: string,
  variable: string | undefined,
): Promise<readonly (readonly [kind: string, at: string, text: string])[]> {
  return withDirectory((directory) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content.replace('$HERE', directory));
    }
    vi.stubEnv('APP_KEY', variable);
    const { sources } = applyProfiles({
      sources: [join(directory, source)],
      profile: 'auto',
      includeSecrets: false,
      vaultKey: undefined,
      environment: { variables: {}, home: directory, workingDirectory: directory },
    });
    const found = sources.flatMap(({ path, appKeys }) => findAppKey(path, appKeys[0]?.from ?? []) ?? []);
    return Promise.resolve(found.map(({ kind, at, text }) => [kind, pathToText(at), text] as const));
  });
}

function below(directory: string, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [`${directory}/${path}`, content]),
  );
}

afterEach(() => vi.unstubAllEnvs());

describe('an app key that may be in a variable', () => {
  it('is that of its file where the variable holds no Fernet key, being another program’s', async () => {
    const files = below('data', { ...DATA, '.app_key': OWN });
    const inFile = [['file', '.app_key', OWN]];
    expect(await foundIn(files, 'data', FOREIGN)).toEqual(inFile);
    expect(await foundIn(files, 'data', '')).toEqual(inFile);
    expect(await foundIn({ ...files, '.env': `APP_KEY=${FOREIGN}\n` }, 'data', undefined)).toEqual(inFile);
    expect(await foundIn(files, 'data', OTHER)).toEqual([['environment', 'APP_KEY', OTHER]]);
  });

  it('is found in the .env of its repository, from the data directory too, and before nbak’s own environment', async () => {
    const files = { ...below('r/data', { ...DATA, '.app_key': OTHER }), 'r/.env': `APP_KEY=${OWN}\n` };
    for (const source of ['r', 'r/data'])
      expect(await foundIn(files, source, OTHER)).toEqual([['env-file', 'APP_KEY', OWN]]);
  });

  it('is found in the .env of the repository that puts the data directory elsewhere', async () => {
    const settings = `ODYSSEUS_DATA_DIR="$HERE/elsewhere"\nAPP_KEY=${OWN}\n`;
    const files = { ...below('elsewhere', DATA), 'elsewhere/.env': `APP_KEY=${OTHER}\n`, 'r/.env': settings };
    expect(await foundIn(files, 'r', undefined)).toEqual([['env-file', 'APP_KEY', OWN]]);
  });
});
