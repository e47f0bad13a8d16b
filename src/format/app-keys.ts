/** What a manifest's detail says of app keys and of the tokens they open. Implements the rows of §11.4. */

import type { CborValue } from './cbor.js';
import { pathFromBytes, pathToBytes, type BytePath } from './path.js';
import { asArray, asBytes, asText, asUint, invalidField, limitExceeded } from './shape.js';

/** Most app keys of a backup, and most places of one. */
export const MOST_APP_KEYS = 1000;
/** Most places that are listed of one app key. */
export const MOST_TOKEN_PLACES = 1000;

/** Where an app key was found (§11.4): `at` is root name / path, or a variable's name. */
export interface AppKeyOrigin {
  readonly kind: (typeof ORIGINS)[number];
  readonly at: BytePath;
}

/** A place of tokens in a backup. */
export interface ListedPlace {
  /** Root name / path. */
  readonly path: BytePath;
  readonly in: (typeof PLACES)[number];
  /** Empty for files. */
  readonly table: string;
  readonly column: string;
  /** Empty where a column holds the token itself. */
  readonly field: string;
  readonly prefix: string;
}

/** A place of tokens, and what came of them at capture. */
export interface TokenCount extends ListedPlace {
  readonly opened: number;
  readonly failed: number;
}

/** A declared app key in one root. */
export interface AppKeyRow {
  readonly name: string;
  /** Undefined, like `blob`, where no key was found. */
  readonly origin: AppKeyOrigin | undefined;
  /** Position in the manifest's `appKeys`. */
  readonly blob: number | undefined;
  readonly places: readonly TokenCount[];
}

const ORIGINS = ['file', 'environment', 'env-file'] as const;
const PLACES = ['database', 'json', 'yaml'] as const;
const STRUCTURE = "a manifest's app keys";

/** The rows as CBOR. */
export function appKeysToCbor(rows: readonly AppKeyRow[]): CborValue {
  return rows.map(({ name, origin, blob, places }) => [
    name,
    origin === undefined ? null : [ORIGINS.indexOf(origin.kind), pathToBytes(origin.at)],
    blob ?? null,
    places.map((place) => [
      pathToBytes(place.path),
      PLACES.indexOf(place.in),
      place.table,
      place.column,
      place.field,
      place.prefix,
      place.opened,
      place.failed,
    ]),
  ]);
}

/**
 * Decodes rows.
 *
 * @throws NbakError `FORMAT_INVALID` or `LIMIT_EXCEEDED`.
 */
export function appKeysFromCbor(value: CborValue): readonly AppKeyRow[] {
  const rows = asArray(value, STRUCTURE, 'appKeys');
  if (rows.length === 0) throw invalidField(STRUCTURE, 'appKeys', 'at least one, or absent');
  if (rows.length > MOST_APP_KEYS) throw limitExceeded(STRUCTURE, 'appKeys', rows.length, MOST_APP_KEYS);
  return rows.map((item) => {
    const [name, origin = null, blob = null, places] = asArray(item, STRUCTURE, 'a row', 4);
    if ((origin === null) !== (blob === null))
      throw invalidField(STRUCTURE, 'origin and blob', 'both null or none');
    return {
      name: asText(name, STRUCTURE, 'name'),
      origin: origin === null ? undefined : originFromCbor(origin),
      blob: blob === null ? undefined : asUint(blob, STRUCTURE, 'blob'),
      places: placesFromCbor(places),
    };
  });
}

function originFromCbor(value: CborValue): AppKeyOrigin {
  const [kind, at] = asArray(value, STRUCTURE, 'origin', 2);
  return {
    kind: ORIGINS[asUint(kind, STRUCTURE, 'origin', ORIGINS.length - 1)] ?? 'file',
    at: pathFromBytes(asBytes(at, STRUCTURE, 'origin')),
  };
}

function placesFromCbor(value: CborValue | undefined): readonly TokenCount[] {
  const items = asArray(value, STRUCTURE, 'places');
  if (items.length > MOST_TOKEN_PLACES)
    throw limitExceeded(STRUCTURE, 'places', items.length, MOST_TOKEN_PLACES);
  return items.map((item) => {
    const [path, place, ...rest] = asArray(item, STRUCTURE, 'a place', 8);
    const [table, column, field, prefix] = rest.slice(0, 4).map((each) => asText(each, STRUCTURE, 'a place'));
    const [opened, failed] = rest.slice(4).map((each) => asUint(each, STRUCTURE, 'a count'));
    return {
      path: pathFromBytes(asBytes(path, STRUCTURE, 'path')),
      in: PLACES[asUint(place, STRUCTURE, 'in', PLACES.length - 1)] ?? 'database',
      table: table ?? '',
      column: column ?? '',
      field: field ?? '',
      prefix: prefix ?? '',
      opened: opened ?? 0,
      failed: failed ?? 0,
    };
  });
}
