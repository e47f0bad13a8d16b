/** Backups before updates, and what becomes of old ones. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BackupManager } from '#nbak/compat/backup-manager.js';
import { makePlace, parseLine, type Json, type Outcome, type Place } from '../support/cli.js';
import { buildChaosCypher } from '../support/systems/chaos-cypher.js';
import { buildNodyn } from '../support/systems/nodyn.js';
import { testDirectory } from '../support/systems/scene.js';

interface Listed {
  readonly id: string;
  readonly purpose: string;
  readonly tags: readonly string[];
}

describe('before an update of Chaos Cypher', () => {
  it('CB-05: a fresh installation takes no backup; of two starts at once none goes on without one', async () => {
    const { place, guard } = await makeScene();
    expect(parseLine(await guard('0.4.0'))).toMatchObject({ action: 'recorded' });
    expect(await listed(place)).toEqual([]);
    const ends = await Promise.all([guard('0.5.0'), guard('0.5.0')]);
    for (const { exit } of ends) expect([0, 11]).toContain(exit);
    const made = ends.filter((end) => end.exit === 0 && parseLine(end)['action'] === 'backup');
    expect(made.length).toBeGreaterThan(0);
    expect(await listed(place)).toHaveLength(made.length);
  });

  it('C-12: a backup before an update is listed as one, and can be dropped like any other', async () => {
    const { place, guard } = await makeScene();
    await guard('0.4.0');
    await guard('0.5.0');
    const [backup] = await listed(place);
    expect(backup).toMatchObject({ purpose: 'update', tags: ['before-0.5.0'] });
    await place.nbak(0, 'forget', backup?.id ?? '');
    expect(await listed(place)).toEqual([]);
    await place.verify(0);
  });

  it('C-13: what is known of the update is not in what is rolled back, and the next start takes no second backup', async () => {
    const { place, guard } = await makeScene();
    await guard('0.4.0');
    await guard('0.5.0');
    const [backup] = await listed(place);
    writeFileSync(join(place.source, 'settings.yaml'), 'migrated: true\n');
    await place.nbak(0, 'restore', backup?.id ?? '', '--in-place', place.source);
    expect((await listed(place)).map(({ purpose }) => purpose)).toEqual(['safety', 'update']);
    expect(parseLine(await guard('0.5.0'))).toMatchObject({ action: 'none' });
  });
});

describe('behaviours of nodyn’s list and prune', () => {
  it('NB-10: the newest backup is listed first', async () => {
    const manager = makeManager();
    const paths: string[] = [];
    for (let n = 0; n < 2; n += 1) paths.unshift((await manager.createBackup()).path);
    expect(manager.listBackups().map(({ path }) => path)).toEqual(paths);
  });

  it('NB-11: pruning with 0 days deletes nothing', async () => {
    const manager = makeManager();
    await manager.createBackup();
    expect(manager.pruneBackups(0)).toBe(0);
    expect(manager.listBackups()).toHaveLength(1);
  });
});

/** A data directory, and its guard. */
async function makeScene(): Promise<{
  readonly place: Place;
  readonly guard: (version: string) => Promise<Outcome>;
}> {
  const place = await makePlace();
  buildChaosCypher(place.source);
  const env = {
    NBAK_REPOSITORY: place.repository,
    NBAK_VAULT_KEY: place.key,
    NBAK_STATE_DIR: place.path('state'),
  };
  const guard = (version: string) =>
    place.run(['guard', place.source, '--app-version', version, '--json'], { env });
  return { place, guard };
}

async function listed(place: Place): Promise<readonly Listed[]> {
  return (await place.json<Json & { readonly backups: readonly Listed[] }>(0, 'list')).backups;
}

function makeManager(): BackupManager {
  const directory = testDirectory();
  const { root } = buildNodyn(join(directory, 'state'));
  return new BackupManager(
    root,
    { backupDir: join(directory, 'backups') },
    'nine and ninety whales: a vault key',
  );
}
