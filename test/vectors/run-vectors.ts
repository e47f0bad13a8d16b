/** Runs every vector of every file against one implementation. */
import { describe, expect, test } from 'vitest';
import type { VectorAdapter } from './adapter.js';
import { loadVectorFile, type Vector, vectorFileNames } from './load.js';
import { OPERATIONS } from './operations.js';
import { outcomeOf } from './outcome.js';

/** Defines one test per vector, one that counts them, and one that no exemption outlives what it exempts. */
export function runVectors(adapter: VectorAdapter): void {
  const files = vectorFileNames().map((name) => ({ name, file: loadVectorFile(name) }));
  const ran = new Map<string, number>();
  const exempted = new Set<string>();
  const expected = new Map<string, number>();
  for (const { name, file } of files) {
    describe(`${adapter.name} and ${name}`, () => {
      for (const group of file.testGroups) {
        for (const vector of group.tests) {
          const exemption = [group.type, `${group.type}: ${vector.comment}`].find((each) =>
            adapter.without.includes(each),
          );
          if (exemption !== undefined) {
            exempted.add(exemption);
            continue;
          }
          expected.set(name, (expected.get(name) ?? 0) + 1);
          test(`${group.type} ${vector.tcId}: ${vector.comment} (${vector.clause})`, async () => {
            ran.set(name, (ran.get(name) ?? 0) + 1);
            await expectVector(adapter, group.type, vector);
          });
        }
      }
    });
  }
  test(`${adapter.name} was asked every vector that it is not exempt from`, () => {
    expect(ran).toEqual(expected);
    expect([...exempted].sort()).toEqual([...adapter.without].sort());
  });
}

async function expectVector(adapter: VectorAdapter, type: string, vector: Vector): Promise<void> {
  const ask = OPERATIONS[type];
  if (ask === undefined) throw new TypeError(`no operation ${type}`);
  const { result, error, output } = vector;
  expect(await outcomeOf(ask, adapter, vector.input)).toEqual({ result, error, output });
}
