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
  for (const node of [...history.forgotten, ...history.manifests]) {
    const other = known.get(hex(node.digest)) ?? node;
    const same =
      node.sequence === other.sequence && node.parents.map(hex).join() === other.parents.map(hex).join();
    demand(same, 'REFERENCE_TAMPERED', '§12.3', 'two statements about one backup');
    known.set(hex(node.digest), node);
  }
  const sequencesOf = (node: Node): number[] =>
    node.parents.map((parent) => {
      const found = known.get(hex(parent));
      if (found === undefined)
        return fail('PARENT_MISSING', '§12.2', 'a parent is neither there nor forgotten');
      return found.sequence;
    });
  history.forgotten.forEach((row) => sequencesOf({ ...row }));
  for (const manifest of history.manifests) {
    const sequences = sequencesOf(manifest);
    const expected = 1 + Math.max(0, ...sequences);
    demand(manifest.sequence === expected, 'REFERENCE_TAMPERED', '§12.2', `sequence, expected ${expected}`);
  }
  for (const head of history.remembered) {
    demand(known.has(hex(head)), 'TAKEN_BACK', '§12.2', 'a remembered head is gone');
  }
  const named = [...known.values()].flatMap((node) => node.parents);
  const heads = [...known.values()].filter((node) => !named.some((parent) => equal(parent, node.digest)));
  return sorted(heads.map((head) => unhex(hex(head.digest))));
}
