/** Checking a document against the shape of a profile; says where it differs. */

/** Keys and indexes that lead from the document to a value in it. */
export type DocumentPath = readonly (string | number)[];

/** A value that is not what it should be. */
export class ShapeError extends Error {
  readonly at: DocumentPath;

  constructor(at: DocumentPath, expected: string) {
    super(`${at.length === 0 ? 'the document' : pathText(at)} must be ${expected}`);
    this.at = at;
  }
}

/** Throws {@link ShapeError} where a value does not have its shape. */
export type Shape = (value: unknown, at: DocumentPath) => void;

/** A text that `accepts` takes. */
export function text(expected = 'a text', accepts: (value: string) => boolean = () => true): Shape {
  return (value, at) => {
    if (typeof value !== 'string' || !accepts(value)) throw new ShapeError(at, expected);
  };
}

/** A whole number from 0 on. */
export const count: Shape = (value, at) => {
  if (!Number.isSafeInteger(value) || Number(value) < 0)
    throw new ShapeError(at, 'a whole number, 0 or more');
};

/** A list whose items have one shape. */
export function list(of: Shape): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) throw new ShapeError(at, 'a list');
    for (const [i, item] of value.entries()) of(item, [...at, i]);
  };
}

/** An object of these fields and no others; a name that ends in `?` may be absent. */
export function fields(shapes: Readonly<Record<string, Shape>>): Shape {
  const known = Object.entries(shapes).map(([name, shape]) => ({
    name: name.replace(/\?$/, ''),
    isNeeded: !name.endsWith('?'),
    shape,
  }));
  return (value, at) => {
    const object = asObject(value, at);
    const other = Object.keys(object).find((name) => !known.some((field) => field.name === name));
    if (other !== undefined)
      throw new ShapeError(
        [...at, other],
        `absent: the fields are ${known.map(({ name }) => name).join(', ')}`,
      );
    for (const { name, isNeeded, shape } of known) {
      if (object[name] !== undefined) shape(object[name], [...at, name]);
      else if (isNeeded) throw new ShapeError(at, `an object with the field ${name}`);
    }
  };
}

/** An object whose field `by` says which of several shapes the others have. */
export function oneOfKind(by: string, shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, at) => {
    const kind = asObject(value, at)[by];
    const shape = typeof kind === 'string' && Object.hasOwn(shapes, kind) ? shapes[kind] : undefined;
    if (shape === undefined) throw new ShapeError([...at, by], words(Object.keys(shapes)));
    shape(value, at);
  };
}

/** One of a few words. */
export function word(choices: readonly string[]): Shape {
  return text(words(choices), (value) => choices.includes(value));
}

function words(choices: readonly string[]): string {
  return `one of ${choices.join(', ')}`;
}

function asObject(value: unknown, at: DocumentPath): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ShapeError(at, 'an object');
  return value as Readonly<Record<string, unknown>>;
}

function pathText(at: DocumentPath): string {
  return at
    .map((each) => (typeof each === 'number' ? `[${each}]` : `.${each}`))
    .join('')
    .replace(/^\./, '');
}
