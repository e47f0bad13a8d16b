/** The tree of a backup: what a walk saw of all roots, and what was written of it. */

import { PageBuilder } from './page-builder.js';
import { Problems } from './problems.js';
import { scan, type ScanOptions, type ScanResult } from './scan.js';
import type { BackupScope } from './scope.js';
import { TreeWriter, type TreeParts } from './tree-writer.js';

/** What a walk saw, and what it could not read. */
export interface SeenTree {
  readonly found: ScanResult;
  readonly problems: Problems;
}

/** A tree whose entries are in pages. */
export interface WrittenTree extends SeenTree {
  readonly builder: PageBuilder;
  readonly writer: TreeWriter;
}

/** Walks all roots. */
export async function seeTree(scope: BackupScope, options: Omit<ScanOptions, 'problems'>): Promise<SeenTree> {
  const problems = new Problems();
  return { found: await scan(scope, { ...options, problems }), problems };
}

/** Writes what was seen; problems on the way join those of the walk. */
export async function writeTree(
  { found, problems }: SeenTree,
  parts: Omit<TreeParts, 'builder' | 'problems'>,
): Promise<WrittenTree> {
  const builder = new PageBuilder(parts.session);
  const writer = new TreeWriter({ ...parts, builder, problems });
  for (const [root, listing] of found.listings) await writer.writeRoot(root, listing);
  return { found, problems, builder, writer };
}
