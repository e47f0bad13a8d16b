/** Raw pages for vectors: rows, entries and pages of any shape. */
import { ascii, concat, u32, zeros } from '../bytes.js';
import { type Cbor, encode } from '../cbor.js';
import { contentHash, digestKey, fileDigest } from '../schedule.js';
import { seeded } from '../seeded.js';
import { dedupSecret, id } from './world.js';

export const row = (seed: string, frameLength: number, plaintextLength: number): Uint8Array =>
  concat(seeded(seed, 32), u32(frameLength), u32(plaintextLength));
export const rowA = row('blob a', 5132, 5000);
export const rowB = row('blob b', 400, 300);
export const child = seeded('a content page', 32);
export const digestOf = (path: string): Uint8Array =>
  fileDigest(digestKey(dedupSecret, id), ascii(path), contentHash([ascii(path)]));

interface EntryParts {
  readonly kind: number;
  readonly size?: number;
  readonly content?: Cbor[];
  readonly extra?: [Cbor, Cbor][];
}

/** An entry array; what is not given is the plainest value that is right for the kind. */
export function entry(path: string, parts: EntryParts): Cbor[] {
  const file = parts.kind === 0;
  const digest = file ? digestOf(path) : zeros(0);
  return [
    ascii(path),
    parts.kind,
    parts.kind === 1 ? 0o755 : 0o644,
    0,
    parts.size ?? 0,
    1767225600,
    123456789,
    1767225601,
    0,
    4711,
    parts.content ?? [],
    digest,
    new Map<Cbor, Cbor>(parts.extra ?? []),
  ];
}

export const root = entry('', { kind: 1 });
export const motd = entry('motd', { kind: 0, size: 5000, content: [0] });
export const owners: Cbor = [
  [1000, 'alice', 1000, 'users'],
  [0, '', 0, ''],
];

export interface PageParts {
  readonly type?: number;
  readonly children?: Uint8Array[];
  readonly blobs?: Uint8Array;
  readonly body: Cbor;
}

export const page = (parts: PageParts): Uint8Array =>
  encode([parts.type ?? 1, 1, parts.children ?? [], parts.blobs ?? concat(rowA, rowB), parts.body]);
export const entriesPage = (entries: Cbor[], more: Omit<PageParts, 'body'> = {}): Uint8Array =>
  page({ ...more, body: [owners, entries] });
/** A page of the root and one more entry. */
export const withEntry = (one: Cbor[]): Uint8Array => entriesPage([root, one]);
