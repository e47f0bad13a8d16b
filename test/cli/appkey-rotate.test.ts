/** `nbak appkey rotate`: a new app key for an application, after a backup that carries the old one. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePlace, type ErrorJson, type Place } from '../support/cli.js';
import { buildOdysseus, type BuiltOdysseus } from '../support/systems/odysseus.js';
import { openToken } from '../support/systems/odysseus-tokens.js';
import { tokensOnDisk } from '../support/tokens-on-disk.js';

interface RotatedJson {
  readonly rotated: number;
  readonly failed: number;
  readonly places: readonly { readonly place: string; readonly opened: number; readonly failed: number }[];
  readonly keys: readonly { readonly name: string; readonly file: string }[];
  readonly backup: string;
}

describe('nbak appkey rotate', () => {
  it('rotates Odysseus by its profile, and the backup before it restores and opens with the old key', async () => {
    const { place, data, built } = await odysseusPlace();
    const { backup, ...result } = await place.json<RotatedJson>(0, 'appkey', 'rotate', data);
    expect(result).toMatchObject({
      failed: 3,
      keys: [
        { name: 'odysseus', file: '.app_key' },
        { name: 'odysseus-api-keys', file: '.key' },
      ],
    });
    const newKey = readFileSync(join(data, '.app_key'), 'utf8');
    expect(result.places).toContainEqual({
      place: 'app.db: email_accounts.imap_password',
      opened: 1,
      failed: 1,
    });
    expect(liveIn(data, built.appKey)).toBe(0);
    expect(liveIn(data, newKey)).toBeGreaterThan(12);

    const shown = await place.json<{ tags: readonly string[]; purpose: string }>(0, 'show', backup);
    expect(shown).toMatchObject({ tags: ['before-appkey-rotate'], purpose: 'safety' });
    const check = await place.json<{ opened: number; failed: number }>(0, 'appkey', 'check', backup);
    expect(check).toMatchObject({ opened: result.rotated, failed: 3 });
    const restored = place.path('restored');
    await place.nbak(0, 'restore', backup, '--target', restored);
    expect(readFileSync(join(restored, '.app_key'), 'utf8')).toBe(built.appKey);
    expect(liveIn(restored, built.appKey)).toBe(liveIn(data, newKey));
    expect(liveIn(restored, newKey)).toBe(0);
  });

  it('says on lines what it did, and shows no key', async () => {
    const { place, data, built } = await odysseusPlace();
    const { stdout, stderr } = await place.nbak(0, 'appkey', 'rotate', data);
    expect(stdout).toMatch(/app key odysseus: a new one is in \.app_key\n/);
    expect(stdout).toMatch(/\d+ tokens rotated, 3 dead ones left as they are\n/);
    expect(stderr).toMatch(/safety backup [0-9a-f]{64}/);
    const newKey = readFileSync(join(data, '.app_key'), 'utf8');
    for (const key of [newKey, built.appKey]) expect(stdout + stderr).not.toContain(key.slice(0, 16));
  });

  it('changes nothing where the key comes from the environment, or a database lies elsewhere', async () => {
    const { place, data, built } = await odysseusPlace();
    const json = ['appkey', 'rotate', data, '--json', '--repository', place.repository];
    for (const env of [
      { APP_KEY: built.appKey },
      { DATABASE_URL: 'postgresql://user:not-a-real-password@db.example.org/odysseus' },
      { DATABASE_URL: `sqlite:///${place.path('elsewhere.db')}` },
    ]) {
      const { exit, stdout } = await place.run(json, { env: { NBAK_VAULT_KEY: place.key, ...env } });
      expect(exit).toBe(1);
      const { error } = JSON.parse(stdout) as ErrorJson;
      expect(error.code).toBe('APP_KEY_NOT_ROTATABLE');
      expect(stdout).not.toContain('not-a-real-password');
    }
    expect(readFileSync(join(data, '.app_key'), 'utf8')).toBe(built.appKey);
    expect(await place.json(0, 'list')).toMatchObject({ backups: [] });
  });

  it('changes nothing where no backup can be made', async () => {
    const { place, data, built } = await odysseusPlace();
    rmSync(place.repository, { recursive: true });
    await place.json<ErrorJson>(10, 'appkey', 'rotate', data);
    expect(readFileSync(join(data, '.app_key'), 'utf8')).toBe(built.appKey);
    expect(readdirSync(data).filter((name) => name.includes('.nbak-'))).toEqual([]);
  });

  it('says so of a directory that is no such application’s', async () => {
    const place = await makePlace();
    writeFileSync(join(place.source, 'file.txt'), 'nothing secret');
    const { error } = await place.json<ErrorJson>(1, 'appkey', 'rotate', place.source);
    expect(error.code).toBe('APP_KEY_NOT_FOUND');
    await place.json<ErrorJson>(1, 'appkey', 'rotate', place.path('nowhere'));
  });
});

async function odysseusPlace(): Promise<{
  readonly place: Place;
  readonly data: string;
  readonly built: BuiltOdysseus;
}> {
  const place = await makePlace();
  const data = place.path('data');
  return { place, data, built: buildOdysseus(data) };
}

/** How many tokens of a directory a key opens. */
function liveIn(directory: string, key: string): number {
  return tokensOnDisk(directory).filter((token) => openToken(key, token) !== undefined).length;
}
