/** omicos: what its advice on backups leaves open (M-numbers, and behaviours to hold to). */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { restoreBackup, runBackup } from '../support/engine-run.js';
import { snapshotOf } from '../support/snapshots.js';
import { buildOmicos } from '../support/systems/omicos.js';
import { backedUp, testDirectory } from '../support/systems/scene.js';
import { emptyRepository, KEY_BYTES } from '../support/tiny-repository.js';
import { describeTree } from '../support/tree.js';

describe('omicos, backed up', () => {
  it('M-02: the global directory and every workspace are in one backup, side by side', async () => {
    const directory = testDirectory();
    const built = buildOmicos(join(directory, 'home'));
    const { unlocked, storage } = await emptyRepository();
    const parts = [built.global, ...built.workspaces].map((part) => join(built.root, part));
    await runBackup(unlocked, parts);
    const target = join(directory, 'restored');
    await restoreBackup(storage, KEY_BYTES, { target });
    expect(readdirSync(target).sort()).toEqual(['.omicos', '.omicos-2', '.omicos-3']);
    parts.forEach((part, n) => {
      const restored = join(target, n === 0 ? '.omicos' : `.omicos-${n + 1}`);
      expect(describeTree(restored)).toEqual(describeTree(part));
    });
  });

  it('M-03: the index of conversations and their directories are of one backup', async () => {
    const { built, restore } = await backedUp(buildOmicos);
    const target = await restore();
    for (const workspace of built.workspaces) {
      const at = join(target, workspace);
      const index = JSON.parse(readFileSync(join(at, 'conversations.json'), 'utf8')) as { id: string }[];
      const there = readdirSync(join(at, 'conversations')).map((name) => name.replace(/\.json$/, ''));
      expect(index.map(({ id }) => id)).toEqual(there);
    }
  });

  it('M-04: trajectories of several accounts stay in the directories of their owners', async () => {
    const { built, restore } = await backedUp(buildOmicos);
    const target = await restore();
    const [workspace = ''] = built.workspaces;
    const owners = readdirSync(join(target, workspace, 'trajectories')).filter(
      (name) => !name.startsWith('.'),
    );
    expect(owners.sort()).toEqual([...built.owners, 'anonymous'].sort());
    for (const owner of built.owners)
      expect(describeTree(join(target, workspace, 'trajectories', owner))).toEqual(
        describeTree(join(built.root, workspace, 'trajectories', owner)),
      );
  });
});

describe('behaviours to hold to for omicos', () => {
  it('MB-01: no secret is in anything that is not encrypted', async () => {
    const { built, repository } = await backedUp(buildOmicos);
    const everything = Buffer.concat([...(await snapshotOf(repository.storage)).values()]);
    for (const path of built.secret)
      expect(everything.includes(readFileSync(join(built.root, path))), path).toBe(false);
    expect(built.secret.length).toBeGreaterThan(8);
  });

  it('MB-03: conversations of the newer and of the older layout come back byte for byte', async () => {
    const { built, restore } = await backedUp(buildOmicos);
    const target = await restore();
    for (const path of built.kept.filter((each) => /conversations|outputs/.test(each)))
      expect(readFileSync(join(target, path)).equals(readFileSync(join(built.root, path))), path).toBe(true);
  });

  it('MB-04: what serve and what cli wrote stay two namespaces', async () => {
    const { built, restore } = await backedUp(buildOmicos);
    const at = join(await restore(), built.workspaces[0] ?? '');
    const [serve, cli] = ['', 'cli'].map((part) => readFileSync(join(at, part, 'workspace_id'), 'utf8'));
    expect(serve).not.toBe(cli);
    expect(existsSync(join(at, 'cli/trajectories', built.owners[0] ?? ''))).toBe(true);
    expect(existsSync(join(at, 'cli/trajectories', built.owners[1] ?? ''))).toBe(false);
  });
});
