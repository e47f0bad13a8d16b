/** What BACKUP means: an id, a unique prefix, `latest` of this host, path or tag. */

import { hostname } from 'node:os';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backup as backUp } from '#nbak/backup/backup.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { openCatalog } from '#nbak/repository/catalog.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { makePlace, writeTree, type ErrorJson, type Json, type Place } from '../support/cli.js';
import { flipBit } from '../support/damage.js';

const shown = async (place: Place, ...args: readonly string[]): Promise<unknown> =>
  (await place.json(0, 'show', ...args))['id'];
const refused = async (place: Place, exit: number, ...args: readonly string[]): Promise<ErrorJson['error']> =>
  (await place.json<ErrorJson>(exit, 'show', ...args)).error;

describe('BACKUP', () => {
  it('is an id or a unique prefix in any case, and is not found or ambiguous otherwise', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const ids: string[] = [];
    // Seventeen ids: two begin with the same digit.
    for (let i = 0; i < 17; i += 1) ids.push((await fastBackup(place, { host: hostname() })).id);
    const [first = ''] = ids;
    const digit = ids.map(([d]) => d).find((d, i, all) => all.indexOf(d) !== i) ?? '';
    expect(await shown(place, first)).toBe(first);
    expect(await shown(place, first.slice(0, 12).toUpperCase())).toBe(first);
    expect(await refused(place, 2, digit)).toMatchObject({ code: 'BACKUP_AMBIGUOUS' });
    expect(await refused(place, 1, 'no-hex')).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    expect(await refused(place, 1, '')).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    expect((await place.json<ErrorJson>(2, 'verify', digit)).error.code).toBe('BACKUP_AMBIGUOUS');
  });

  it('latest is the newest by date that matches host, path and tag, never a safety backup', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const elsewhere = place.path('elsewhere');
    mkdirSync(elsewhere);
    const tagged = await place.backup('--tag', 'weekly', '--tag', 'kept');
    const newest = await place.backup();
    const safety = await fastBackup(place, { host: hostname(), purpose: 'safety' });
    expect(await shown(place, 'latest')).toBe(newest.id);
    expect(await shown(place, 'latest', '--tag', 'kept')).toBe(tagged.id);
    expect(await shown(place, safety.id)).toBe(safety.id);

    const other = await place.json(0, 'backup', elsewhere);
    const { code, message, details } = await refused(place, 2, 'latest');
    expect(code).toBe('BACKUP_AMBIGUOUS');
    expect(message).toContain(elsewhere);
    expect(details['sources']).toHaveLength(2);
    expect(await shown(place, 'latest', '--path', elsewhere)).toBe(other['id']);
    expect(await shown(place, 'latest', '--path', 'elsewhere')).toBe(other['id']);
    expect(await shown(place, 'latest', '--path', place.source)).toBe(newest.id);
    expect(await refused(place, 1, 'latest', '--tag', 'none')).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    const list = await place.json<{ backups: readonly { id: string }[] }>(0, 'list', '--path', elsewhere);
    expect(list.backups.map(({ id }) => id)).toEqual([other['id']]);
  });

  it('latest is not an older backup in silence when a newer one cannot be read', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const older = await place.backup();
    const newer = await place.backup();
    flipBit(join(place.repository, 'manifests', newer.id), -5);
    const latest = await refused(place, 20, 'latest');
    expect(latest.code).toBe('OBJECT_CORRUPT');
    expect(latest.message).toContain(newer.id);
    expect(await refused(place, 20, newer.id)).toMatchObject({ code: 'OBJECT_CORRUPT' });
    expect(await shown(place, older.id.slice(0, 20))).toBe(older.id);
    const list = await place.json<{ backups: readonly Json[]; problems: readonly Json[] }>(20, 'list');
    expect(list).toMatchObject({
      backups: [{ id: older.id }],
      problems: [{ id: newer.id, code: 'OBJECT_CORRUPT' }],
    });
  });

  it('latest means this host; another host is named in the hint and asked for with --host', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const { id } = await place.backup('--host', 'some-other-host');
    const missing = await place.nbak(1, 'show', 'latest');
    expect(missing.stderr).toContain('BACKUP_NOT_FOUND');
    expect(missing.stderr).toContain('some-other-host: say which with --host');
    expect(await shown(place, 'latest', '--host', 'some-other-host')).toBe(id);
    const empty = await makePlace();
    expect((await empty.nbak(1, 'show', 'latest')).stderr).toContain('nbak backup');
  });
});

/** A backup through the engine, for what the command line does not offer or would be slow at. */
async function fastBackup(
  place: Place,
  labels: { readonly host: string; readonly purpose?: 'ordinary' | 'safety' },
): Promise<{ readonly id: string }> {
  const storage = await openLocalStorage(place.repository, { mode: 'existing' });
  const unlocked = await openWithVaultKey(storage, nodeCrypto, parseVaultKey(place.key));
  const catalog = openCatalog(undefined, unlocked.id);
  try {
    return await backUp(unlocked, catalog, {
      selection: {
        sources: [place.source],
        exclude: [],
        excludeCaches: false,
        oneFileSystem: false,
        skip: [],
      },
      labels: { purpose: 'ordinary', ...labels, tags: [], writer: 'test' },
      stagingDirectory: place.temporary,
      lockWaitMs: 1000,
      threads: 0,
    });
  } finally {
    catalog.close();
    await storage.close();
  }
}
