/** Manifests (spec §11). */
import { type AppKeyRow, readAppKeys } from './app-keys.js';
import { ascii, compare, equal } from './bytes.js';
import { type Cbor, decode } from './cbor.js';
import { demand } from './fail.js';
import { LIMITS } from './limits.js';
import { type BlobRow, readBlobRow } from './page.js';
import { checkComponent } from './path.js';
import { ascending, atMost, bool, bstr, fields, int, list, names, tstr, uint } from './shape.js';
import { demandName, openEnvelope, type Signer } from './signature.js';

const invalid: (holds: boolean, message: string) => asserts holds = (holds, message) =>
  demand(holds, 'FORMAT_INVALID', '§11', message);

export interface Root {
  readonly name: Uint8Array;
  readonly path: Uint8Array;
  readonly entries: number;
}

export interface Detail {
  readonly host: string;
  readonly roots: Root[];
  readonly tags: string[];
  readonly profile: string;
  readonly scope: {
    readonly exclude: string[];
    readonly excludeCaches: boolean;
    readonly oneFileSystem: boolean;
  };
  readonly cut: number;
  readonly torn: Uint8Array[];
  readonly unreadable: [path: Uint8Array, code: string][];
  readonly outside: string[];
  readonly writer: string;
  readonly appKeys?: AppKeyRow[];
}

export interface Manifest {
  readonly id: Uint8Array;
  readonly repository: Uint8Array;
  readonly epoch: number;
  readonly time: number;
  readonly signedAt: number;
  readonly parents: Uint8Array[];
  readonly sequence: number;
  readonly names: number;
  readonly purpose: number;
  readonly dedup: number;
  readonly totals: { files: number; directories: number; others: number; bytes: number };
  readonly pages: Uint8Array[];
  readonly appKeys?: BlobRow[];
  readonly detail: Detail | BlobRow;
}

const texts = (value: Cbor | undefined): string[] => list(value).map(tstr);

function readRoot(value: Cbor): Root {
  const [nameItem, path, entries] = list(value, 3);
  const name = bstr(nameItem);
  checkComponent(name);
  return { name, path: bstr(path), entries: uint(entries, 1) };
}

/** Reads the map of §11.3. */
export function readDetail(value: Cbor | undefined): Detail {
  const keys = [
    'host',
    'roots',
    'tags',
    'profile',
    'scope',
    'cut',
    'torn',
    'unreadable',
    'outside',
    'writer',
  ];
  const map = fields(value, keys, ['appKeys']);
  const roots = list(map['roots']).map(readRoot);
  invalid(roots.length > 0, 'no roots');
  const rootNames = roots.map((root) => root.name);
  invalid(
    !rootNames.some((name, i) => rootNames.slice(0, i).some((other) => equal(name, other))),
    'a root twice',
  );
  const tags = texts(map['tags']);
  ascending(tags.map(ascii));
  const scope = fields(map['scope'], ['exclude', 'excludeCaches', 'oneFileSystem']);
  return {
    host: tstr(map['host']),
    roots,
    tags,
    profile: tstr(map['profile']),
    scope: {
      exclude: texts(scope['exclude']),
      excludeCaches: bool(scope['excludeCaches']),
      oneFileSystem: bool(scope['oneFileSystem']),
    },
    cut: uint(map['cut'], 0, 3),
    torn: atMost(list(map['torn']), LIMITS.listedPaths, 'torn files').map((item) => bstr(item)),
    unreadable: atMost(list(map['unreadable']), LIMITS.listedPaths, 'unreadable files').map((item) => {
      const [path, code] = list(item, 2);
      return [bstr(path), tstr(code)];
    }),
    outside: texts(map['outside']),
    writer: tstr(map['writer']),
    ...(map['appKeys'] === undefined ? {} : { appKeys: readAppKeys(map['appKeys']) }),
  };
}

/** What a signed object is read against: `name` is its 32 bytes, `id` the repository's. */
export interface SignedPlace {
  readonly name: Uint8Array;
  readonly id: Uint8Array;
  readonly signers: readonly Signer[];
}

/** What a manifest is read against. */
export interface ManifestPlace extends SignedPlace {
  /** What the repository object says. */
  readonly names: number;
}

const KEYS = [
  'id',
  'repository',
  'epoch',
  'time',
  'signedAt',
  'parents',
  'sequence',
  'names',
  'purpose',
  'dedup',
];

function readAppKeyBlobs(value: Cbor): BlobRow[] {
  const rows = atMost(list(value), 1000, 'app keys').map((item) => bstr(item, 36));
  invalid(rows.length > 0, 'no app keys, and not absent');
  ascending(rows.map((row) => row.subarray(0, 32)));
  return rows.map((row) => readBlobRow(row));
}

function readPayload(payload: Uint8Array): Manifest {
  const map = fields(decode(payload), [...KEYS, 'totals', 'pages', 'detail'], ['appKeys']);
  const [files, directories, others, bytes] = list(map['totals'], 4);
  const mode = uint(map['names'], 0, 1);
  return {
    id: bstr(map['id'], 16),
    repository: bstr(map['repository'], 16),
    epoch: uint(map['epoch'], 1, 2 ** 32 - 1),
    time: int(map['time']),
    signedAt: int(map['signedAt']),
    parents: atMost(names(map['parents'], 'ascending'), LIMITS.parents, 'parents'),
    sequence: uint(map['sequence'], 1),
    names: mode,
    purpose: uint(map['purpose'], 0, 2),
    dedup: uint(map['dedup'], 1),
    totals: { files: uint(files), directories: uint(directories), others: uint(others), bytes: uint(bytes) },
    pages: names(map['pages'], 'any'),
    ...(map['appKeys'] === undefined ? {} : { appKeys: readAppKeyBlobs(map['appKeys']) }),
    detail: mode === 0 ? readDetail(map['detail']) : readBlobRow(bstr(map['detail'], 36)),
  };
}

/** Verifies and reads a manifest: size, name, envelope, signature, shape (§19.3). */
export function readManifest(bytes: Uint8Array, place: ManifestPlace): Manifest {
  demand(bytes.length <= LIMITS.manifestBytes, 'LIMIT_EXCEEDED', '§15', 'the manifest is too long');
  demandName(place.name, bytes);
  const { payload, signer } = openEnvelope(bytes, {
    type: 'manifest',
    limit: LIMITS.manifestBytes,
    id: place.id,
    roles: ['backup'],
    signers: place.signers,
  });
  const manifest = readPayload(payload);
  demand(equal(manifest.repository, place.id), 'REFERENCE_TAMPERED', '§11.2', 'another repository');
  demand(
    manifest.epoch === signer.epoch,
    'REFERENCE_TAMPERED',
    '§11.1',
    'the signer belongs to another epoch',
  );
  demand(manifest.names === place.names, 'REFERENCE_TAMPERED', '§11.2', 'another mode than the repository’s');
  return manifest;
}

/** Names in the order that lists of names have. */
export const sorted = (items: readonly Uint8Array[]): Uint8Array[] => [...items].sort(compare);
