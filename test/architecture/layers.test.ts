/** Imports go downwards only (DESIGN §5); what is portable stays portable; types count as imports. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../../src/', import.meta.url).pathname;

/** From the lowest upwards; folders of one row do not import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['errors.ts'],
  ['crypto', 'format'],
  ['chunking', 'compression', 'storage', 'threads'],
  ['vault'],
  ['source'],
  ['repository'],
  ['backup', 'verify', 'restore', 'appkey', 'retention', 'rotation', 'drill', 'measurement', 'doctor'],
  // Other programs' backups: made into ours by backing up, made from ours by reading.
  ['exchange'],
  ['cli', 'server', 'web'],
  // Another face of the whole, as the program is one.
  ['compat'],
  // The public API, and the story that `npm run quickstart` tells with the program.
  ['index.ts', 'quickstart'],
];

/** Where code must run in a browser: nothing of Node, by any way. */
const PORTABLE = [
  'errors.ts',
  'format/',
  'verify/',
  'crypto/provider.ts',
  'crypto/portable.ts',
  'crypto/public-key.ts',
  'storage/memory.ts',
  'storage/storage.ts',
  'storage/object-name.ts',
];

interface Import {
  readonly from: string;
  /** A file below src/, or what a package or `node:` module is called. */
  readonly to: string;
  readonly isType: boolean;
}

function filesOf(): readonly string[] {
  return (readdirSync(SRC, { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name)).sort();
}

/** Every import and export of a file, static, dynamic, as a type, and by `new URL('./x.js', import.meta.url)`. */
function importsOf(from: string): readonly Import[] {
  const source = ts.createSourceFile(
    from,
    readFileSync(join(SRC, from), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, isType: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const { text } = specifier;
    const to = text.startsWith('.') ? normalize(join(dirname(from), text)).replace(/\.js$/, '.ts') : text;
    found.push({ from, to, isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node)) {
      const isLoad =
        node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        (ts.isIdentifier(node.expression) && node.expression.text === 'require');
      if (isLoad) add(node.arguments[0], false);
    } else if (
      ts.isNewExpression(node) &&
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'URL'
    ) {
      const [first, second] = node.arguments ?? [];
      if (second?.getText().startsWith('import.meta') === true && first?.getText().includes('.js') === true) {
        add(first, false);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeImport({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false;
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = importClause;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.every((element) => element.isTypeOnly);
}

/** Says whether code, not a comment, of a file writes to the terminal. */
function prints(file: string): boolean {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(SRC, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const isPrint = (node: ts.Node): boolean =>
    (ts.isPropertyAccessExpression(node) && /^(console\.\w+|process\.std(out|err))$/.test(node.getText())) ||
    (ts.forEachChild(node, isPrint) ?? false);
  return isPrint(source);
}

const FILES = filesOf();
const IMPORTS = FILES.flatMap(importsOf);
const INTERNAL = IMPORTS.filter(({ to }) => FILES.includes(to));

function folderOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function layerOf(file: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folderOf(file)));
}

function arrows(imports: readonly Import[]): readonly string[] {
  return imports.map(({ from, to }) => `${from} → ${to}`);
}

describe('layers', () => {
  it('reads the import graph: every relative import leads to a file', () => {
    expect(FILES.length).toBeGreaterThan(80);
    expect(INTERNAL.length).toBeGreaterThan(300);
    const dangling = IMPORTS.filter(({ to }) => to.endsWith('.ts') && !FILES.includes(to));
    expect(arrows(dangling)).toEqual([]);
  });

  it('has a place for every file of src/', () => {
    expect(FILES.filter((file) => layerOf(file) < 0)).toEqual([]);
  });

  it('lets no file import from above, types included', () => {
    expect(arrows(INTERNAL.filter(({ from, to }) => layerOf(to) > layerOf(from)))).toEqual([]);
  });

  it('lets no folder import another of its row: crypto and format, and the operations, do not know each other', () => {
    const sideways = INTERNAL.filter(
      ({ from, to }) => layerOf(to) === layerOf(from) && folderOf(to) !== folderOf(from),
    );
    expect(arrows(sideways)).toEqual([]);
  });

  it('has no cycle between files, types included', () => {
    const below = new Map(
      FILES.map((file) => [file, INTERNAL.filter(({ from }) => from === file).map(({ to }) => to)]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const next of below.get(file) ?? []) walk(next, [...path, file]);
      done.add(file);
    };
    for (const file of FILES) walk(file, []);
    expect(cycles).toEqual([]);
  });

  it('keeps node: modules out of portable code', () => {
    const isPortable = ({ from }: Import): boolean => PORTABLE.some((place) => from.startsWith(place));
    const ofNode = IMPORTS.filter(
      ({ to }) => to.startsWith('node:') || to === 'better-sqlite3' || to === 'zstd-napi',
    );
    expect(FILES.filter((file) => PORTABLE.some((place) => file.startsWith(place))).length).toBeGreaterThan(
      25,
    );
    expect(arrows(ofNode.filter(isPortable))).toEqual([]);
  });

  it('uses only packages that package.json lists as dependencies, and of the rest of the project its version', () => {
    const manifest = JSON.parse(readFileSync(join(SRC, '..', 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    const foreign = IMPORTS.filter(
      ({ to }) => !FILES.includes(to) && !to.startsWith('node:') && to !== '../package.json',
    );
    const unlisted = foreign.filter(({ to, isType }) => {
      const name = to
        .split('/')
        .slice(0, to.startsWith('@') ? 2 : 1)
        .join('/');
      return !(name in manifest.dependencies) && !(isType && name in manifest.devDependencies);
    });
    expect(arrows(unlisted)).toEqual([]);
  });

  it('lets operations and what lies below print nothing', () => {
    const printing = FILES.filter((file) => layerOf(file) < layerOf('cli/x')).filter((file) => prints(file));
    expect(printing).toEqual([]);
  });
});
