/** A1: whatever is cut off, verify says so and restore gives whole files or none. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { headMemory, judge, restoreBackup, withDirectory } from '../support/engine-run.js';
import { storageWith, totalBytes, withObject, type Snapshot } from '../support/snapshots.js';
import { KEY_BYTES, TINY_FILES, tinyRepository } from '../support/tiny-repository.js';

let tiny: Awaited<ReturnType<typeof tinyRepository>>;

beforeAll(async () => {
  tiny = await tinyRepository();
});

/** Every object cut at every byte, the empty object included and the whole one not. */
function* cuts(): Generator<{
  readonly what: string;
  readonly isIndex: boolean;
  readonly snapshot: Snapshot;
}> {
  for (const [name, bytes] of tiny.snapshot) {
    for (let length = 0; length < bytes.length; length += 1) {
      yield {
        what: `${name} cut to ${length}`,
        isIndex: name.startsWith('index/'),
        snapshot: withObject(tiny.snapshot, name, bytes.slice(0, length)),
      };
    }
  }
}

/** Restores and returns what reached the disk under its name; a refusal with a code leaves nothing. */
async function released(snapshot: Snapshot): Promise<Readonly<Record<string, string>>> {
  return withDirectory(async (directory) => {
    const target = join(directory, 't');
    try {
      await restoreBackup(await storageWith(snapshot), KEY_BYTES, { target });
    } catch (error) {
      if (!isNbakError(error)) throw error;
    }
    const names = existsSync(target) ? readdirSync(target) : [];
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(target, name), 'utf8')]));
  });
}

describe('A1 truncation', () => {
  it('A1: the repository under attack is real, sound and at most 4 KiB', async () => {
    expect(totalBytes(tiny.snapshot)).toBeLessThanOrEqual(4096);
    expect([...tiny.snapshot.keys()].map((name) => name.split('/')[0]).sort()).toEqual([
      'epochs',
      'index',
      'manifests',
      'packs',
      'pages',
      'repository',
    ]);
    expect(await judge(await storageWith(tiny.snapshot), tiny.publicKey)).toMatchObject({
      ok: true,
      exit: 0,
    });
    expect(await released(tiny.snapshot)).toEqual(TINY_FILES);
  });

  it('A1: verify finds every object cut at every byte', async () => {
    const missed: string[] = [];
    for (const { what, snapshot } of cuts()) {
      const { ok, exit } = await judge(await storageWith(snapshot), tiny.publicKey);
      if (ok || ![10, 20, 21].includes(exit)) missed.push(`${what}: exit ${exit}`);
    }
    expect(missed).toEqual([]);
  });

  it('A1: restore of a repository cut at every byte releases no byte that was not backed up', async () => {
    const wrong: string[] = [];
    for (const { what, isIndex, snapshot } of cuts()) {
      const files = await released(snapshot);
      for (const [name, content] of Object.entries(files)) {
        if (content !== TINY_FILES[name]) wrong.push(`${what}: ${name}`);
      }
      // §9: an index object proves nothing that the packs do not prove.
      if (isIndex && Object.keys(files).length !== Object.keys(TINY_FILES).length)
        wrong.push(`${what}: incomplete`);
      if (!isIndex && Object.keys(files).length > 0 && what.startsWith('packs/'))
        wrong.push(`${what}: complete`);
    }
    expect(wrong).toEqual([]);
  });

  it('A1: verify finds every object dropped that a backup needs, and does not mourn an index', async () => {
    for (const name of tiny.snapshot.keys()) {
      const heads = headMemory();
      await judge(await storageWith(tiny.snapshot), tiny.publicKey, heads);
      const storage = await storageWith(withObject(tiny.snapshot, name, undefined));
      const { ok, exit, codes } = await judge(storage, tiny.publicKey, heads);
      const expected = {
        repository: { exit: 10, codes: ['REPOSITORY_NOT_FOUND'] },
        epochs: { exit: 21, codes: ['SIGNER_UNKNOWN'] },
        packs: { exit: 20, codes: ['OBJECT_MISSING'] },
        pages: { exit: 20, codes: ['OBJECT_MISSING'] },
        manifests: { exit: 22, codes: ['TAKEN_BACK'] },
        index: { exit: 0, codes: [] },
      }[name.split('/')[0] ?? ''];
      expect({ name, exit, codes }).toEqual({ name, ...expected });
      expect(ok).toBe(exit === 0);
    }
  });
});
