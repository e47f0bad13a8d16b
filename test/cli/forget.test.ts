/** `nbak forget` as its users meet it. */

import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makePlace, writeTree, type Place } from '../support/cli.js';

/** A place with three backups, which a verifier has seen. */
async function makeHistory(): Promise<{ readonly place: Place; readonly ids: readonly string[] }> {
  const place = await makePlace();
  const ids: string[] = [];
  for (const content of ['1', '2', '3']) {
    writeTree(place.source, { a: content });
    ids.push((await place.backup()).id);
  }
  await place.verify(0);
  return { place, ids };
}

async function listed(place: Place): Promise<readonly string[]> {
  const { backups } = await place.json<{ readonly backups: readonly { id: string }[] }>(0, 'list');
  return backups.map(({ id }) => id);
}

describe('nbak forget', () => {
  it('drops backups by id and prefix: they are gone from the list, and nothing is called taken back', async () => {
    const { place, ids } = await makeHistory();
    const [first = '', second = '', third = ''] = ids;
    const { stdout, stderr } = await place.nbak(0, 'forget', first, third.slice(0, 12));
    expect(stdout).toBe(
      [first, third]
        .sort()
        .map((id) => `forgotten ${id}\n`)
        .join(''),
    );
    expect(stderr).toContain('No space is freed');
    expect(await listed(place)).toEqual([second]);
    expect(await place.verify(0)).toMatchObject({ ok: true, backups: 1 });
    // The history goes on where it was.
    await place.backup();
    await place.restore(0);
    await place.verify(0);
  });

  it('with --dry-run names what would go and lets it be', async () => {
    const { place, ids } = await makeHistory();
    const { stdout } = await place.nbak(0, 'forget', 'latest', '--dry-run');
    expect(stdout).toMatch(new RegExp(`^would forget ${ids[2] ?? ''}  20`));
    expect(await place.json(0, 'forget', ids[0] ?? '', '--dry-run')).toEqual({
      dryRun: true,
      backups: [ids[0]],
      leftOver: [],
    });
    expect(await listed(place)).toHaveLength(3);
  });

  it('gives what was forgotten as JSON, and fails for what is not there', async () => {
    const { place, ids } = await makeHistory();
    expect(await place.json(0, 'forget', ids[1] ?? '')).toEqual({ forgotten: [ids[1]] });
    expect(await place.json(1, 'forget', ids[1] ?? '')).toMatchObject({
      error: { code: 'BACKUP_NOT_FOUND' },
    });
    expect((await place.run(['forget', '-r', place.repository, ids[0] ?? ''])).exit).toBe(12);
  });

  it('is another thing than deleting: a manifest that went without a tombstone is taken back', async () => {
    const { place, ids } = await makeHistory();
    await place.nbak(0, 'forget', ids[0] ?? '');
    rmSync(`${place.repository}/manifests/${ids[2] ?? ''}`);
    expect((await place.verify(22)).problems).toMatchObject([{ code: 'TAKEN_BACK', backups: [ids[2]] }]);
  });
});
