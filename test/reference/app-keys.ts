/** The rows of app keys in a manifest's detail (spec §11.4). */
import type { Cbor } from './cbor.js';
import { demand } from './fail.js';
import { atMost, bstr, list, tstr, uint } from './shape.js';

const MOST = 1000;

export interface TokenPlace {
  readonly path: Uint8Array;
  readonly in: number;
  readonly table: string;
  readonly column: string;
  readonly field: string;
  readonly prefix: string;
  readonly opened: number;
  readonly failed: number;
}

export interface AppKeyRow {
  readonly name: string;
  readonly origin: { readonly kind: number; readonly at: Uint8Array } | null;
  readonly blob: number | null;
  readonly places: TokenPlace[];
}

function readPlace(value: Cbor): TokenPlace {
  const [path, place, table, column, field, prefix, opened, failed] = list(value, 8);
  return {
    path: bstr(path),
    in: uint(place, 0, 2),
    table: tstr(table),
    column: tstr(column),
    field: tstr(field),
    prefix: tstr(prefix),
    opened: uint(opened),
    failed: uint(failed),
  };
}

function readOrigin(value: Cbor): { readonly kind: number; readonly at: Uint8Array } {
  const [kind, at] = list(value, 2);
  return { kind: uint(kind, 0, 2), at: bstr(at) };
}

/** Reads the rows; there is at least one. */
export function readAppKeys(value: Cbor): AppKeyRow[] {
  const rows = atMost(list(value), MOST, 'app keys');
  demand(rows.length > 0, 'FORMAT_INVALID', '§11.3', 'no app keys, and not absent');
  return rows.map((item) => {
    const [name, origin = null, blob = null, places] = list(item, 4);
    demand((origin === null) === (blob === null), 'FORMAT_INVALID', '§11.4', 'origin and blob differ');
    return {
      name: tstr(name),
      origin: origin === null ? null : readOrigin(origin),
      blob: blob === null ? null : uint(blob),
      places: atMost(list(places), MOST, 'places').map(readPlace),
    };
  });
}
