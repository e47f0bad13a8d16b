/** What the program decodes, in the shapes that the vectors compare. */
import type { AppKeyRow } from '#nbak/format/app-keys.js';
import type { CborValue } from '#nbak/format/cbor.js';
import { decodeEnvelope, SIGNED_TYPES } from '#nbak/format/cose.js';
import { ENTRY_KINDS, type Entry, type Piece } from '#nbak/format/entry.js';
import { decodeEpochRecord, type CarriedSecrets, type EpochRecord } from '#nbak/format/epoch-record.js';
import { fromHex } from '#nbak/format/bytes.js';
import type { Tombstone } from '#nbak/format/history.js';
import { idToBytes } from '#nbak/format/ids.js';
import { LIMITS } from '#nbak/format/limits.js';
import { CUTS, isSealedDetail, PURPOSES, type ManifestDetail } from '#nbak/format/manifest.js';
import type { Footer } from '#nbak/format/pack.js';
import type { BlobRow, Page, PlainBlobRow } from '#nbak/format/page.js';
import { pathToBytes } from '#nbak/format/path.js';
import type { RepositoryObject } from '#nbak/format/repository-object.js';
import type { Backup } from '#nbak/repository/manifests.js';
import type { Repository } from '#nbak/repository/open.js';
import type { AppKeyRow as AppKeyRowOfReference } from '../reference/app-keys.js';
import type { Cbor } from '../reference/cbor.js';
import type * as referenceEntry from '../reference/entry.js';
import type * as reference from '../reference/epoch-record.js';
import type * as referenceFooter from '../reference/footer.js';
import type { Introduction, NamedObject } from '../reference/introduction.js';
import type * as referenceManifest from '../reference/manifest.js';
import type * as referencePage from '../reference/page.js';
import type * as referenceObject from '../reference/repository-object.js';
import type * as referenceTombstone from '../reference/tombstone.js';

export const footer = ({ repository, blobs, ...rest }: Footer): referenceFooter.Footer => ({
  id: idToBytes(repository),
  epoch: rest.epoch,
  session: rest.session,
  dedup: rest.dedup,
  blobs: blobs.map(({ id, tag, kind, length, as }) => ({
    id: idToBytes(id),
    tag: fromHex(tag),
    kind,
    length,
    as: as === undefined ? null : fromHex(as),
  })),
});

const row = (from: BlobRow | PlainBlobRow): referencePage.BlobRow => ({
  id: idToBytes(from.id),
  frameLength: from.length,
  plaintextLength: 'plaintextLength' in from ? from.plaintextLength : null,
});

const piece = ({ row: at, slice }: Piece): referenceEntry.Piece => (slice === undefined ? at : [at, slice]);

const CHECKS = ['not-run', 'ok', 'damaged', 'not-checkable'];

function entry(from: Entry): referenceEntry.Entry {
  const { target, device, hardLink, xattrs, holes, database, contentPages, flags } = from.extra;
  return {
    path: pathToBytes(from.path),
    kind: ENTRY_KINDS.indexOf(from.kind),
    mode: from.mode,
    owner: from.owner,
    size: from.size,
    mtime: [from.mtime.seconds, from.mtime.nanoseconds],
    ctime: [from.ctime.seconds, from.ctime.nanoseconds],
    inode: from.inode,
    content: from.content.map(piece),
    digest: from.digest,
    extra: {
      linkTarget: target === undefined ? null : pathToBytes(target),
      device: device === undefined ? null : [...device],
      hardLink: hardLink ?? null,
      attributes: xattrs?.map(([name, value]): [Uint8Array, Uint8Array] => [name, value]) ?? null,
      holes: holes?.map(([offset, length]): [number, number] => [offset, length]) ?? null,
      database:
        database === undefined
          ? null
          : {
              pageSize: database.pageSize,
              pages: database.pages,
              userVersion: database.userVersion,
              applicationId: database.applicationId,
              journal: database.journal === 'wal' ? 1 : 0,
              check: CHECKS.indexOf(database.check),
            },
      contentPages: contentPages === undefined ? null : [...contentPages],
      flags: flags ?? null,
    },
  };
}

function body(from: Page): referencePage.PageBody {
  switch (from.type) {
    case 'entries':
      return {
        type: 1,
        owners: from.owners.map(({ uid, user, gid, group }) => ({ uid, user, gid, group })),
        entries: from.entries.map(entry),
      };
    case 'list':
      return { type: 2 };
    case 'content':
      return { type: 3, pieces: from.pieces.map(piece) };
    case 'public':
      return { type: 4, sealed: row(from.sealed) };
  }
}

export const page = (from: Page): referencePage.Page => ({
  dedup: from.dedup,
  children: from.children.map(idToBytes),
  rows: from.blobs.map(row),
  body: body(from),
});

export const detail = (from: ManifestDetail): referenceManifest.Detail => ({
  host: from.host,
  roots: from.roots.map(({ name, path, entries }) => ({
    name: pathToBytes(name),
    path: pathToBytes(path),
    entries,
  })),
  tags: [...from.tags],
  profile: from.profile,
  scope: {
    exclude: [...from.scope.exclude],
    excludeCaches: from.scope.excludeCaches,
    oneFileSystem: from.scope.oneFileSystem,
  },
  cut: CUTS.indexOf(from.cut),
  torn: from.torn.map(pathToBytes),
  unreadable: from.unreadable.map(([path, code]): [Uint8Array, string] => [pathToBytes(path), code]),
  outside: [...from.outside],
  writer: from.writer,
  ...(from.appKeys && { appKeys: from.appKeys.map(appKey) }),
});

const ORIGINS = ['file', 'environment', 'env-file'];
const PLACES = ['database', 'json', 'yaml'];

const appKey = ({ name, origin, blob, places }: AppKeyRow): AppKeyRowOfReference => ({
  name,
  origin: origin === undefined ? null : { kind: ORIGINS.indexOf(origin.kind), at: pathToBytes(origin.at) },
  blob: blob ?? null,
  places: places.map((place) => ({
    ...place,
    path: pathToBytes(place.path),
    in: PLACES.indexOf(place.in),
  })),
});

export function manifest({ manifest: from }: Backup): referenceManifest.Manifest {
  const sealed = isSealedDetail(from.detail);
  return {
    id: from.id,
    repository: idToBytes(from.repository),
    epoch: from.epoch,
    time: from.time,
    signedAt: from.signedAt,
    parents: from.parents.map(idToBytes),
    sequence: from.sequence,
    names: sealed ? 1 : 0,
    purpose: PURPOSES.indexOf(from.purpose),
    dedup: from.dedup,
    totals: {
      files: from.totals.files,
      directories: from.totals.directories,
      others: from.totals.others,
      bytes: from.totals.bytes,
    },
    pages: from.pages.map(idToBytes),
    ...(from.appKeys && { appKeys: from.appKeys.map(row) }),
    detail: isSealedDetail(from.detail) ? row(from.detail) : detail(from.detail),
  };
}

export const tombstone = ({ repository, time, rows }: Tombstone): referenceTombstone.Tombstone => ({
  id: idToBytes(repository),
  time,
  rows: rows.map(({ digest, sequence, parents, successor }) => ({
    digest: idToBytes(digest),
    sequence,
    parents: parents.map(idToBytes),
    successor: successor === undefined ? null : idToBytes(successor),
  })),
});

export const repositoryObject = ({
  id,
  admin,
  names,
  created,
}: RepositoryObject): referenceObject.RepositoryObject => ({
  id: idToBytes(id),
  admin,
  names: names === 'sealed' ? 1 : 0,
  format: 2,
  created,
});

const record = (from: EpochRecord): reference.EpochRecord => ({
  repository: idToBytes(from.repository),
  epoch: from.epoch,
  created: from.created,
  reason: from.reason,
  admin: from.admin,
  backup: [...from.backup],
  origin: from.origin === 'slots' ? 1 : 0,
  check: from.check,
  previous: from.previous ?? null,
  salt: from.salt,
  sealed: from.sealed,
  closing: null,
});

/** What an opened repository knows; the accepted record is the one whose admin key it holds. */
export function introduction(opened: Repository, records: readonly NamedObject[]): Introduction {
  const admins = opened.keyRing.keys.filter(({ role }) => role === 'admin');
  const accepted = records.flatMap(({ name, bytes }) => {
    if (!name.startsWith('epochs/1.')) return [];
    const { payload } = decodeEnvelope(bytes, SIGNED_TYPES.epoch, LIMITS.recordBytes);
    const decoded = decodeEpochRecord(payload);
    const isAccepted = admins.some(({ publicKey }) => Buffer.compare(publicKey, decoded.admin) === 0);
    return isAccepted ? [{ name, record: record(decoded) }] : [];
  });
  const ignored = records
    .map(({ name }) => name)
    .filter((name) => !accepted.some((each) => each.name === name));
  return {
    id: idToBytes(opened.id),
    names: opened.names === 'sealed' ? 1 : 0,
    accepted: accepted.map((each) => each.record),
    signers: opened.keyRing.keys.map(({ role, epoch, publicKey }) => ({ role, epoch, publicKey })),
    ignored: ignored.sort(),
  };
}

export const carried = ({ dedup, chunkerKey, oldRoot }: CarriedSecrets): reference.Carried => ({
  dedupSecrets: dedup.map(({ number, secret }) => ({ number, secret })),
  chunkerKey,
  oldRoot: oldRoot ?? null,
});

/** The program's CBOR values are those of the reference codec, read-only. */
export const cbor = (value: CborValue): Cbor => value as Cbor;
