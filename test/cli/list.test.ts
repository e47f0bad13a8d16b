/** `list` reads a manifest once, and shows what is there all the same. */

import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { flipBit } from '../support/damage.js';
import { makePlace, parseLine, writeTree, type ErrorJson, type Place } from '../support/cli.js';

interface ListJson {
  readonly verified: boolean;
  readonly backups: readonly {
    readonly id: string;
    readonly sequence: number;
    readonly host: string | null;
  }[];
  readonly problems: readonly { readonly id: string; readonly code: string }[];
}

const list = (place: Place, exit = 0): Promise<ListJson> => place.json<ListJson>(exit, 'list');
const manifestOf = (place: Place, id: string): string => join(place.repository, 'manifests', id);

/** A place with `amount` backups, all listed once; their ids, oldest first. */
async function listed(amount: number): Promise<{ readonly place: Place; readonly ids: readonly string[] }> {
  const place = await makePlace();
  writeTree(place.source, { a: 'a' });
  const ids: string[] = [];
  for (let i = 0; i < amount; i += 1) ids.push((await place.backup()).id);
  const { backups } = await list(place);
  expect(backups.map(({ id }) => id).sort()).toEqual([...ids].sort());
  return { place, ids };
}

describe('list', () => {
  it('shows the same when it remembers, when it does not, and when it cannot', async () => {
    const { place } = await listed(3);
    const remembered = await place.nbak(0, 'list', '--json');
    const fresh = await place.nbak(0, 'list', '--json', '--cache-dir', place.path('another'));
    writeFileSync(place.path('no-directory'), '');
    const without = await place.nbak(
      0,
      'list',
      '--json',
      '--quiet',
      '--cache-dir',
      place.path('no-directory'),
    );
    expect(remembered).toEqual(fresh);
    expect(remembered).toEqual(without);
  });

  it('no longer shows a backup whose manifest is gone', async () => {
    const { place, ids } = await listed(2);
    const [first = '', second = ''] = ids;
    rmSync(manifestOf(place, second));
    expect((await list(place)).backups.map(({ id }) => id)).toEqual([first]);
    // And the next one is second again.
    const third = await place.backup();
    expect((await list(place)).backups).toMatchObject([{ id: third.id, sequence: 2 }, { id: first }]);
  });

  it('reads a manifest again when storage says that it changed', async () => {
    const { place, ids } = await listed(2);
    const [first = ''] = ids;
    flipBit(manifestOf(place, first), 100);
    expect((await list(place, 20)).problems).toMatchObject([{ id: first, code: 'OBJECT_CORRUPT' }]);
    expect((await list(place, 20)).problems).toHaveLength(1);
  });

  it('reads it only once: bytes that changed unseen are found by verify, and by whoever works with them', async () => {
    const { place, ids } = await listed(2);
    const [first = ''] = ids;
    const file = manifestOf(place, first);
    utimesSync(file, 1e9, 1e9);
    await list(place);
    flipBit(file, 100);
    utimesSync(file, 1e9, 1e9);
    expect(await list(place)).toMatchObject({ verified: true, problems: [] });
    expect((await place.verify(20)).problems.map(({ code }) => code)).toContain('OBJECT_CORRUPT');
    for (const args of [
      ['show', first],
      ['ls', first],
      ['restore', first, '--target', place.path('out')],
    ]) {
      expect((await place.json<ErrorJson>(20, ...args)).error.code).toBe('OBJECT_CORRUPT');
    }
  });

  it('keeps sealed names out of the cache, and shows them to who has the vault key', async () => {
    const place = await makePlace({ init: false });
    await place.nbak(0, 'init', '--names', 'sealed');
    writeTree(place.source, { a: 'a' });
    for (let i = 0; i < 2; i += 1) await place.backup('--host', 'a-host-that-is-secret');
    for (let i = 0; i < 2; i += 1) expect((await list(place)).backups[0]?.host).toBe('a-host-that-is-secret');
    const keyless = await place.run(['list', '-r', place.repository, '--json']);
    expect(parseLine<ListJson>(keyless).backups.map(({ host }) => host)).toEqual([null, null]);
    const files = readdirSync(place.cache, { recursive: true }) as string[];
    const paths = files.map((name) => join(place.cache, name)).filter((path) => statSync(path).isFile());
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      const bytes = readFileSync(path);
      expect(bytes.includes('a-host-that-is-secret') || bytes.includes(place.source)).toBe(false);
    }
  });
});
