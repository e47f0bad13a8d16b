/** The public API as its users' compilers see it: what `dist/index.d.ts` exports. */

import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** Something that is exported. */
export interface ExportedName {
  readonly name: string;
  /** Its declaration without comments and bodies. */
  readonly text: string;
  /** Its TSDoc, '' where it has none. */
  readonly documentation: string;
  /** The code of its `@example` blocks. */
  readonly examples: readonly string[];
  /** Types of this package that its declaration names. */
  readonly mentions: readonly string[];
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Every exported name, in alphabetical order. */
export function readPublicApi(): readonly ExportedName[] {
  const entry = `${ROOT}dist/index.d.ts`;
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    types: ['node'],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error('dist/index.d.ts is not there: build first');
  const exported = checker.getExportsOfModule(module).map((symbol) => describeExport(checker, symbol));
  return exported.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function describeExport(checker: ts.TypeChecker, symbol: ts.Symbol): ExportedName {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  const target = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  const declarations = target.declarations ?? [];
  return {
    name: symbol.name,
    text: declarations.map(printed).join('\n'),
    documentation: ts.displayPartsToString(target.getDocumentationComment(checker)),
    examples: target
      .getJsDocTags(checker)
      .filter(({ name }) => name === 'example')
      .map(({ text }) => codeOf(ts.displayPartsToString(text))),
    mentions: [...new Set(declarations.flatMap((declaration) => mentionsOf(checker, declaration)))].sort(),
  };
}

const printer = ts.createPrinter({ removeComments: true });

function printed(declaration: ts.Declaration): string {
  // `export declare const x: …;` is a list of one declaration in a statement.
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const text = printer.printNode(ts.EmitHint.Unspecified, node, declaration.getSourceFile());
  return text.replace(/^export (declare )?/, '');
}

/** Names of types declared in this package. */
function mentionsOf(checker: ts.TypeChecker, declaration: ts.Declaration): readonly string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const name = ts.isTypeReferenceNode(node) ? node.typeName : node.expression;
      const found = checker.getSymbolAtLocation(name);
      const symbol =
        found !== undefined && (found.flags & ts.SymbolFlags.Alias) !== 0
          ? checker.getAliasedSymbol(found)
          : found;
      const [first] = symbol?.declarations ?? [];
      const isOurs = first?.getSourceFile().fileName.startsWith(`${ROOT}dist/`) === true;
      if (isOurs && symbol !== undefined && !ts.isTypeParameterDeclaration(first)) names.push(symbol.name);
    }
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return names;
}

/** The code between the fences. */
function codeOf(text: string): string {
  return /^```ts\n(.*)^```/ms.exec(text)?.[1] ?? '';
}
