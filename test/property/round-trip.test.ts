/** restore(backup(tree)) is the tree, for trees that nobody thought of. */

import { chmodSync, linkSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCatalog } from '#nbak/repository/catalog.js';
import { judge, restoreBackup, runBackup, withDirectory } from '../support/engine-run.js';
import { component, runs } from '../support/arbitraries.js';
import { emptyRepository, KEY_BYTES } from '../support/tiny-repository.js';
import { describeTree, randomLike } from '../support/tree.js';

/** One thing to make, below a directory made before. */
const item = fc.record({
  parent: fc.nat(50),
  name: component,
  kind: fc.constantFrom('file', 'file', 'file', 'directory', 'link', 'hard link'),
  // Around the borders between bundled, whole and cut (§7).
  size: fc.oneof(
    { arbitrary: fc.nat(3000), weight: 8 },
    { arbitrary: fc.constantFrom(0, 1, 32_767, 32_768, 32_769, 65_536), weight: 3 },
    { arbitrary: fc.constantFrom(1_048_575, 1_048_576, 1_048_577, 1_700_000), weight: 1 },
  ),
  seed: fc.nat(3),
  mode: fc.nat(0o7777),
  mtime: fc
    .integer({ min: -1_000_000, max: 4_000_000_000_000_000 })
    .map((microseconds) => microseconds / 1e6),
});
type Item = typeof item extends fc.Arbitrary<infer T> ? T : never;

/** Makes the items that can be made; what is in the way of what came first is left out. */
function make(root: string, items: readonly Item[]): void {
  const directories: Buffer[] = [Buffer.from(root)];
  const files: Buffer[] = [];
  const made: { readonly path: Buffer; readonly item: Item }[] = [];
  for (const each of items) {
    const parent = directories[each.parent % directories.length] ?? Buffer.from(root);
    const path = Buffer.concat([parent, Buffer.from('/'), Buffer.from(each.name, 'latin1')]);
    try {
      if (each.kind === 'directory') {
        mkdirSync(path);
        directories.push(path);
      } else if (each.kind === 'link') {
        symlinkSync(Buffer.from(`${each.name}/../${String(each.seed)}`, 'latin1'), path);
      } else if (each.kind === 'hard link') {
        const existing = files[each.parent % Math.max(1, files.length)];
        if (existing === undefined) continue;
        linkSync(existing, path);
      } else {
        writeFileSync(path, randomLike(each.size, each.seed), { flag: 'wx' });
        files.push(path);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    made.push({ path, item: each });
  }
  // Times last and deepest first: what is made in a directory changes its time.
  for (const { path, item: each } of made.reverse()) {
    if (each.kind === 'file') chmodSync(path, each.mode | 0o600);
    if (each.kind === 'directory') chmodSync(path, each.mode | 0o700);
    lutimesSync(path, each.mtime, each.mtime);
  }
}

describe('restore(backup(tree))', () => {
  it('is the tree, for the first backup and for one that builds on it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 25 }),
        fc.array(item, { maxLength: 6 }),
        fc.constantFrom('plain' as const, 'sealed' as const),
        async (first, more, names) => {
          await withDirectory(async (directory) => {
            const source = join(directory, 'source');
            mkdirSync(source);
            const { storage, unlocked, publicKey } = await emptyRepository(names);
            const catalog = openCatalog(undefined, unlocked.id);
            for (const [round, items] of [first, more].entries()) {
              make(source, items);
              const { id, unreadable, torn } = await runBackup(unlocked, [source], { catalog });
              expect([...unreadable, ...torn]).toEqual([]);
              const target = join(directory, `target-${String(round)}`);
              const result = await restoreBackup(storage, KEY_BYTES, { target, backup: id });
              expect(result.failed).toEqual([]);
              expect(describeTree(target)).toEqual(describeTree(source));
            }
            expect(await judge(storage, publicKey)).toMatchObject({ ok: true, problems: [] });
            catalog.close();
          });
        },
      ),
      runs(30),
    );
  });
});
