/** Heads, parents and sequences of a repository (spec §12.1, §12.2). */
import { equal, hex, unhex } from './bytes.js';
import { demand, fail } from './fail.js';
import { sorted } from './manifest.js';
import type { Forgotten } from './tombstone.js';

/** What history needs to know of a manifest. */
export interface Node {
  readonly digest: Uint8Array;
  readonly sequence: number;
  readonly parents: readonly Uint8Array[];
}

export interface History {
  readonly manifests: readonly Node[];
  readonly forgotten: readonly Pick<Forgotten, 'digest' | 'sequence' | 'parents'>[];
  /** Heads that the verifier saw before. */
  readonly remembered: readonly Uint8Array[];
}

/** Checks the graph and gives its heads, ascending. */
export function checkHistory(history: History): Uint8Array[] {
  const known = new Map<string, Node>();
  for (const node of [...history.forgotten, ...history.manifests]) known.set(hex(node.digest), node);
  for (const manifest of history.manifests) {
    const parents = manifest.parents.map((parent) => known.get(hex(parent)));
    const sequences = parents.map((parent) => {
      if (parent === undefined)
        return fail('PARENT_MISSING', '§12.2', 'a parent is neither there nor forgotten');
      return parent.sequence;
    });
    const expected = 1 + Math.max(0, ...sequences);
    demand(manifest.sequence === expected, 'REFERENCE_TAMPERED', '§12.2', `sequence, expected ${expected}`);
  }
  for (const head of history.remembered) {
    demand(known.has(hex(head)), 'TAKEN_BACK', '§12.2', 'a remembered head is gone');
  }
  const named = [...known.values()].flatMap((node) => node.parents);
  const heads = history.manifests.filter((node) => !named.some((parent) => equal(parent, node.digest)));
  return sorted(heads.map((head) => unhex(hex(head.digest))));
}
