/** `nbak appkey`: the app keys of a backup listed, tried and handed out. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { makePlace, type ErrorJson, type Place } from '../support/cli.js';
import { DECLARATION, makeApplication, OPENED, PLACES } from '../support/keyed-application.js';
import { backUpKeyed } from '../support/keyed-scene.js';

describe('nbak appkey', () => {
  it('lists, tries and hands out what a backup carries, and no token changes the exit code', async () => {
    const { place, key, id } = await keyedPlace();
    expect(await place.json(0, 'appkey', 'list', id)).toMatchObject({
      backup: id,
      appKeys: [
        { name: 'application', origin: { kind: 'file', at: 'source/.app_key' }, opened: OPENED, failed: 1 },
      ],
    });

    const check = await place.json<{ places: readonly { place: string; opened: number; failed: number }[] }>(
      0,
      'appkey',
      'check',
      id,
    );
    expect(check).toMatchObject({ opened: OPENED, failed: 1 });
    const counts = check.places.map(({ place: name, opened, failed }) => [name, { opened, failed }] as const);
    expect(Object.fromEntries(counts)).toEqual(PLACES);
    expect(check.places).toContainEqual(
      expect.objectContaining({ place: 'app.db: accounts.password', dead: ['row 1'] }),
    );

    const file = place.path('the-key');
    expect(await place.json(0, 'appkey', 'export', id, '--out', file)).toEqual({
      backup: id,
      name: 'application',
      file,
    });
    expect(readFileSync(file, 'utf8')).toBe(key);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('never writes a key over a file', async () => {
    const { place, id } = await keyedPlace();
    const file = place.path('mine');
    writeFileSync(file, 'mine');
    const { error } = await place.json<ErrorJson>(1, 'appkey', 'export', id, '--out', file);
    expect(error.code).toBe('TARGET_FAILED');
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('says so of a backup without app keys, and of a name that it does not carry', async () => {
    const { place, id } = await keyedPlace();
    const out = place.path('out');
    const named = await place.json<ErrorJson>(1, 'appkey', 'export', id, '--out', out, '--name', 'other');
    expect(named.error.code).toBe('APP_KEY_NOT_FOUND');
    writeFileSync(join(place.directory, 'file.txt'), 'nothing secret');
    const plain = await place.json<{ id: string }>(0, 'backup', place.path('file.txt'));
    const check = await place.json<ErrorJson>(1, 'appkey', 'check', plain.id);
    expect(check.error.code).toBe('APP_KEY_NOT_FOUND');
  });

  it('shows neither keys nor what tokens hold', async () => {
    const { place, key, id } = await keyedPlace();
    for (const command of ['list', 'check']) {
      const { stdout, stderr } = await place.nbak(0, 'appkey', command, id);
      expect(stdout + stderr).not.toContain(key.slice(0, 16));
      expect(stdout + stderr).not.toContain('secret of');
      expect(stdout + stderr).toContain(`${OPENED} tokens opened, 1 dead`);
    }
  });
});

/** A place whose repository has a backup of an application with its app key. */
async function keyedPlace(): Promise<{ readonly place: Place; readonly key: string; readonly id: string }> {
  const place = await makePlace();
  const key = makeApplication(place.source);
  const storage = await openLocalStorage(place.repository, { mode: 'existing' });
  const repository = await openWithVaultKey(storage, nodeCrypto, parseVaultKey(place.key));
  const catalog = openCatalog(undefined, repository.id);
  const of = { source: place.source, staging: place.temporary, appKeys: [DECLARATION] };
  const { id } = await backUpKeyed(repository, catalog, of);
  catalog.close();
  return { place, key, id };
}
