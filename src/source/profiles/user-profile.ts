/** A profile that a user wrote: a JSON file, comments allowed, checked against spec/profiles.md. */

import { readFileSync } from 'node:fs';
import {
  findNodeAtLocation,
  getNodeValue,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser';
import { NbakError } from '../../errors.js';
import { builtInProfile } from './built-in.js';
import { generic } from './generic.js';
import { TREATMENTS, type Profile } from './profile.js';
import { count, fields, list, oneOfKind, ShapeError, text, word, type Shape } from './shape.js';

/** Longest profile that is read. */
const MOST_BYTES = 1024 * 1024;

/**
 * Reads a profile from a file. What it does not say is as in `generic`.
 *
 * @throws NbakError `USAGE_INVALID`, with the line of what is wrong.
 */
export function readProfile(file: string): Profile {
  const document = readText(file);
  const errors: ParseError[] = [];
  const tree = parseTree(document, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (tree === undefined || first !== undefined) {
    const what = first === undefined ? 'it is empty' : spaced(printParseErrorCode(first.error));
    throw invalid(file, lineAt(document, first?.offset ?? 0), `it is no JSON: ${what}`);
  }
  const value: unknown = getNodeValue(tree);
  try {
    PROFILE(value, []);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw invalid(file, lineAt(document, offsetOf(tree, error)), error.message);
  }
  const given = value as GivenProfile;
  return {
    ...generic,
    ...given,
    find: { ...generic.find, ...given.find },
    restoring: { ...generic.restoring, ...given.restoring },
  };
}

type GivenProfile = Omit<Partial<Profile>, 'name' | 'title' | 'find' | 'restoring'> &
  Pick<Profile, 'name' | 'title'> & {
    readonly find?: Partial<Profile['find']>;
    readonly restoring?: Partial<Profile['restoring']>;
  };

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= MOST_BYTES) return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const { code = 'it is not UTF-8' } = cause as NodeJS.ErrnoException;
    throw new NbakError('USAGE_INVALID', `Cannot read the profile ${file}: ${code}`, {
      details: { file },
      hint: 'Name a profile of `nbak profiles`, or a file that spec/profiles.md describes.',
      cause,
    });
  }
  throw invalid(file, 1, `it must have at most ${MOST_BYTES} bytes`);
}

function invalid(file: string, line: number, what: string): NbakError {
  return new NbakError('USAGE_INVALID', `The profile ${file} is wrong in line ${line}: ${what}`, {
    details: { file, line },
    hint: 'spec/profiles.md describes the document; `nbak profiles show nodyn --json` prints one.',
  });
}

/** The place of what is wrong, or of the nearest thing around it that is there. */
function offsetOf(tree: Node, { at }: ShapeError): number {
  for (let length = at.length; length > 0; length -= 1) {
    const node = findNodeAtLocation(tree, at.slice(0, length));
    // A field is looked for where its name stands.
    if (node !== undefined) return node.parent?.type === 'property' ? node.parent.offset : node.offset;
  }
  return tree.offset;
}

function lineAt(document: string, offset: number): number {
  return document.slice(0, offset).split('\n').length;
}

function spaced(code: string): string {
  return code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

const VARIABLE = text('the name of a variable: capitals, digits and _', (name) =>
  /^[A-Z_][A-Z0-9_]*$/.test(name),
);
const PATTERN = text('a pattern in gitignore syntax, without ! and line ends', (pattern) =>
  /^[^!#\n\r][^\n\r]*$/.test(pattern),
);
const INSIDE = text('a path below the state directory', (path) => !/^\/|(^|\/)\.\.(\/|$)/.test(path));
const TOKEN_TEXT = { 'prefix?': text() };

const PROFILE: Shape = fields({
  name: text(
    'a name of small letters, digits and hyphens that no other profile has',
    (name) => /^[a-z0-9][a-z0-9-]{0,63}$/.test(name) && name !== 'auto' && builtInProfile(name) === undefined,
  ),
  title: text(),
  'find?': fields({
    'homes?': list(list(text())),
    'below?': list(INSIDE),
    'marks?': list(list(INSIDE)),
    'names?': list(text()),
    'settings?': list(text()),
  }),
  'rules?': list(fields({ paths: list(PATTERN), treatment: word(TREATMENTS), why: text() })),
  'appendOnly?': list(PATTERN),
  'appKeys?': list(
    fields({
      name: text(),
      from: list((value, at) => {
        const isFile = typeof value === 'object' && value !== null && 'file' in value;
        (isFile ? fields({ file: INSIDE }) : fields({ environment: VARIABLE }))(value, at);
      }),
      tokens: list(
        oneOfKind('in', {
          database: fields({
            in: text(),
            path: INSIDE,
            table: text(),
            column: text(),
            'field?': text(),
            ...TOKEN_TEXT,
          }),
          file: fields({
            in: text(),
            path: INSIDE,
            format: word(['json', 'yaml']),
            field: text(),
            ...TOKEN_TEXT,
          }),
        }),
      ),
    }),
  ),
  'elsewhere?': list(
    oneOfKind('kind', {
      'database-url': fields({
        kind: text(),
        variable: VARIABLE,
        relativeTo: text(),
        'inPlaceOf?': INSIDE,
        what: text(),
      }),
      server: fields({ kind: text(), host: VARIABLE, 'port?': VARIABLE, what: text() }),
      path: fields({ kind: text(), places: list(text()), what: text() }),
      pending: fields({ kind: text(), path: INSIDE, emptyBytes: count, what: text() }),
    }),
  ),
  'running?': list(fields({ pidFile: INSIDE })),
  'restoring?': fields({
    'movedAside?': word(['pre-restore', 'before-restore']),
    'copies?': list(fields({ of: INSIDE, suffix: text() })),
    'nextSteps?': list(text()),
  }),
});
