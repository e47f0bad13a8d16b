/** Runs every vector of every file against one implementation. */
import { describe, expect, test } from 'vitest';
import type { VectorAdapter } from './adapter.js';
import { loadVectorFile, type Vector, vectorFileNames } from './load.js';
import { OPERATIONS } from './operations.js';
import { outcomeOf } from './outcome.js';

/** Defines one test per vector, and one that counts them. */
export function runVectors(adapter: VectorAdapter): void {
  const files = vectorFileNames().map((name) => ({ name, file: loadVectorFile(name) }));
  const ran = new Map<string, number>();
  for (const { name, file } of files) {
    describe(`${adapter.name} and ${name}`, () => {
      for (const group of file.testGroups) {
        if (adapter.without.includes(group.type)) continue;
        for (const vector of group.tests) {
          test(`${group.type} ${vector.tcId}: ${vector.comment} (${vector.clause})`, async () => {
            ran.set(name, (ran.get(name) ?? 0) + 1);
            await expectVector(adapter, group.type, vector);
          });
        }
      }
    });
  }
  test(`${adapter.name} was asked every vector of every file`, () => {
    for (const { name, file } of files) {
      const skipped = file.testGroups.filter((group) => adapter.without.includes(group.type));
      const expected = file.numberOfTests - skipped.reduce((sum, group) => sum + group.tests.length, 0);
      expect({ name, ran: ran.get(name) ?? 0 }).toEqual({ name, ran: expected });
    }
  });
}

async function expectVector(adapter: VectorAdapter, type: string, vector: Vector): Promise<void> {
  const ask = OPERATIONS[type];
  if (ask === undefined) throw new TypeError(`no operation ${type}`);
  const { result, error, output } = vector;
  expect(await outcomeOf(ask, adapter, vector.input)).toEqual({ result, error, output });
}
