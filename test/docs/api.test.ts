/** The public API: what it exports is what was agreed on, documented, and complete; every example in it runs. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readPublicApi } from '../support/public-api.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SNAPSHOT = join(ROOT, 'test/docs/public-api.txt');
const UPDATE = `If that is meant, run
  UPDATE_API=1 npx vitest run --config test/vitest.config.ts test/docs/api.test.ts
look at the difference, and say it in CHANGELOG.md: users compile against this.`;

const api = readPublicApi();

/** Made by functions of the package and handed to others of them: what is inside is nobody else's business. */
const OPAQUE = [
  'BlobCatalog',
  'BlobPlace',
  'BlobSecrets',
  'BlobEngine',
  'PackFiles',
  'PackFrames',
  'PackVerdict',
  'DigestKeys',
  'EpochSecrets',
  'KeyRing',
  // Of BlobReader and PageReader, where entries are read by readEntries.
  'ReadBlob',
  'ContentPage',
  'EntriesPage',
  'ListTrail',
  'Page',
  // The brand of ids.
  'Id',
];

describe('the public API', () => {
  it('is what test/docs/public-api.txt says, name by name and type by type', () => {
    const text = `${api.map((each) => each.text).join('\n\n')}\n`;
    if (process.env['UPDATE_API'] === '1') writeFileSync(SNAPSHOT, text);
    expect(text, `The public API is not what it was. ${UPDATE}`).toBe(readFileSync(SNAPSHOT, 'utf8'));
  });

  it('says of each name what it is', () => {
    expect(api.length).toBeGreaterThan(50);
    expect(api.filter(({ documentation }) => documentation.trim() === '').map(({ name }) => name)).toEqual(
      [],
    );
  });

  it('exports every type that an exported declaration names, so that callers can write it down', () => {
    const names = new Set([...api.map(({ name }) => name), ...OPAQUE]);
    const missing = api.flatMap(({ name, mentions }) =>
      mentions.filter((mention) => !names.has(mention)).map((mention) => `${mention} (in ${name})`),
    );
    expect(missing).toEqual([]);
  });
});

/** The `ts` blocks of the README. */
function readmeExamples(): readonly (readonly [string, string])[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], i) => [
    `README.md, ${i + 1}`,
    code,
  ]);
}

/** The example of the package itself, in the comment at the top of src/index.ts. */
function packageExample(): readonly [string, string] {
  const [comment = ''] = /^\/\*\*.*?\*\//s.exec(readFileSync(join(ROOT, 'src/index.ts'), 'utf8')) ?? [];
  const text = comment.replace(/^ \* ?/gm, '');
  return ['src/index.ts', /^```ts\n(.*?)^```$/ms.exec(text)?.[1] ?? ''];
}

const examples: readonly (readonly [string, string])[] = [
  packageExample(),
  ...readmeExamples(),
  ...api.flatMap(({ name, examples: own }) => own.map((code) => [name, code] as const)),
];

describe('the examples', () => {
  it('are in the README, the package and some of its exports', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
    expect(examples.filter(([, code]) => code.trim() === '').map(([where]) => where)).toEqual([]);
  });

  it.each(examples)('compile under strict rules and run: %s', (_, code) => {
    const directory = mkdtempSync(join(tmpdir(), 'nbak-test-example-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    mkdirSync(join(directory, 'node_modules/@types'), { recursive: true });
    // The package as it would be installed.
    symlinkSync(ROOT, join(directory, 'node_modules/nbak'));
    symlinkSync(join(ROOT, 'node_modules/@types/node'), join(directory, 'node_modules/@types/node'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    const file = join(directory, 'example.ts');
    writeFileSync(file, code);
    expect(compile(file, directory)).toEqual([]);
    const { status, stderr } = spawnSync(process.execPath, [join(directory, 'example.js')], {
      encoding: 'utf8',
      cwd: directory,
      timeout: 120_000,
      env: { ...process.env, TMPDIR: directory, NBAK_CACHE_DIR: join(directory, 'cache') },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

/** Compiles one file; gives the compiler's complaints. */
function compile(file: string, directory: string): readonly string[] {
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    typeRoots: [join(directory, 'node_modules/@types')],
    types: ['node'],
  });
  const { diagnostics } = program.emit();
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, '\n'),
  );
}
