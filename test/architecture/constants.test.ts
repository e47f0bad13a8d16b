import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOB_KINDS } from '#nbak/format/blob.js';
import { SIGNED_TYPES } from '#nbak/format/cose.js';
import { ENTRY_KINDS } from '#nbak/format/entry.js';
import { LIMITS } from '#nbak/format/limits.js';

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

const FORMAT = read('spec/format.md');
const CRYPTO = read('spec/crypto.md');

/** The text of a document from one heading up to the next of that level. */
function section(document: string, heading: string): string {
  const from = document.indexOf(`## ${heading}`);
  expect(from).toBeGreaterThanOrEqual(0);
  const next = document.indexOf('\n## ', from + 1);
  return document.slice(from, next < 0 ? undefined : next);
}

describe('constants of the code and of the spec', () => {
  it('agree on every limit of §15', () => {
    const rows = [...section(FORMAT, '§15').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)];
    expect(rows.length).toBeGreaterThan(15);
    expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual(LIMITS);
  });

  it('agree on the kinds of blobs of §6.2', () => {
    const [table = ''] = /\*\*§6\.2 Kinds\.\*\*[\s\S]*?(?=\*\*§6\.3)/.exec(FORMAT) ?? [];
    const rows = [...table.matchAll(/^\| (\d+) \| ([a-z ]+) \|/gm)];
    const names = rows.map(([, number, name = '']) => [
      name.replaceAll(/ ([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      Number(number),
    ]);
    expect(Object.fromEntries(names)).toEqual(BLOB_KINDS);
  });

  it('agree on the types of signed objects of §4.1', () => {
    const rows = [...section(CRYPTO, '§4 ').matchAll(/^\| `(nbak\/v2\/\w+)` \|/gm)].map(([, type]) => type);
    expect(rows).toEqual(Object.values(SIGNED_TYPES));
  });

  it('agree on the kinds of entries of §10.4', () => {
    const [row = ''] = /^\| 1 \| kind \|.*$/m.exec(FORMAT) ?? [];
    const names = [...row.matchAll(/(\d) ([a-z ]+?)(?=,| \|)/g)].map(([, number, name = '']) => [
      Number(number),
      name.replace(' ', '-'),
    ]);
    expect(names).toEqual(ENTRY_KINDS.map((kind, i) => [i, kind]));
  });

  it('agree on the labels of the key schedule: each in the code stands in §3 or §6, and each there in the code', () => {
    const files = ['key-schedule', 'epoch', 'signing', 'verification-key', 'vault-key'].map((name) =>
      read(`src/vault/${name}.ts`),
    );
    // Labels are completed in the code: `nbak/v2/sign/${role}`.
    const code = files
      .join('\n')
      .replaceAll('nbak/v2/sign/${role}', 'nbak/v2/sign/backup nbak/v2/sign/admin');
    // Types of signed objects (§4.1) are no labels.
    const types: readonly string[] = Object.values(SIGNED_TYPES);
    const labels = code.match(/nbak\/v2\/[a-z/]+/g) ?? [];
    const inCode = new Set(labels.filter((label) => !types.includes(label)));
    const inSpec = new Set(section(CRYPTO, '§3 ').match(/nbak\/v2\/[a-z/]+/g));
    // §3.10: key slots are format and no code yet.
    inSpec.delete('nbak/v2/slot');
    expect([...inCode].sort()).toEqual([...inSpec].sort());
    expect(inCode.size).toBeGreaterThan(10);
  });

  it('name no error code in the spec that does not exist, and no clause in the code that the spec lacks', () => {
    const documents = readdirSync(new URL('../../spec', import.meta.url), { recursive: true }) as string[];
    const spec = documents
      .filter((name) => name.endsWith('.md'))
      .map((name) => read(`spec/${name}`))
      .join('\n');
    const clauses = new Set(spec.match(/§\d+(?:\.\d+)?/g));
    const sources = (readdirSync(new URL('../../src', import.meta.url), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts'))
      .map((name) => [name, read(`src/${name}`)] as const);
    // Clauses of DESIGN, of RFCs and of NIST carry those names before them.
    const foreign =
      /(?:DESIGN|RFC \d+|of DESIGN|SP 800-38D),? §[\d.]+(?:[–,] ?§[\d.]+)*|§[\d.]+(?:\.\d)? of (?:DESIGN|RFC \d+)/g;
    const unknown = sources.flatMap(([name, text]) =>
      (text.replaceAll(foreign, '').match(/§\d+(?:\.\d+)?/g) ?? [])
        .filter((clause) => !clauses.has(clause))
        .map((clause) => `${name}: ${clause}`),
    );
    expect(unknown).toEqual([]);
  });
});
