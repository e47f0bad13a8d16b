/** Vectors of record.json: the repository object, epoch records, successions. */
import { concat, hex, zeros } from '../bytes.js';
import { encode, map } from '../cbor.js';
import { type Closing, type EpochRecord, recordPayload, sealCarried } from '../epoch-record.js';
import type { NamedObject } from '../introduction.js';
import { sorted } from '../manifest.js';
import { repositoryPayload } from '../repository-object.js';
import { hash, type KeyPair, recordKey } from '../schedule.js';
import { seeded } from '../seeded.js';
import { sign } from '../signature.js';
import { type Draft, type DraftFile, group, invalid, valid, type Values } from './draft.js';
import { append, flip } from './verbs.js';
import {
  chunkerKey,
  dedupSecret,
  type Epoch,
  epochOf,
  first,
  id,
  MOMENT,
  otherId,
  second,
  stranger,
} from './world.js';

const third = epochOf(3, 'vault key 3');
const rival = epochOf(2, 'vault key of a rival');

const repositoryFields = { id, admin: first.admin.publicKey, names: 0, format: 2, created: MOMENT };
const signRepository = (
  change: Partial<typeof repositoryFields> = {},
  signer: KeyPair = first.admin,
  as = id,
): Uint8Array => sign('repository', as, signer, repositoryPayload({ ...repositoryFields, ...change }));
const repository = signRepository();

const secretsOf = (epoch: number): { number: number; secret: Uint8Array }[] =>
  epoch === 1
    ? [{ number: 1, secret: dedupSecret }]
    : [
        { number: 1, secret: dedupSecret },
        { number: 2, secret: seeded('dedup secret 2', 32) },
      ];

const lists = (...seeds: readonly string[]): Uint8Array[] => sorted(seeds.map((seed) => seeded(seed, 32)));
const closing: Closing = {
  heads: lists('manifest 2'),
  manifests: lists('manifest 1', 'manifest 2'),
  packs: lists('pack 1', 'pack 2', 'pack 3'),
  history: [],
};

/** The record of an epoch; `before` is the stored record of the epoch before and its root. */
function recordOf(epoch: Epoch, before: { stored: Uint8Array; root: Uint8Array } | null): EpochRecord {
  const head = { repository: id, epoch: epoch.number, salt: seeded(`record salt ${epoch.number}`, 32) };
  const carried = { dedupSecrets: secretsOf(epoch.number), chunkerKey, oldRoot: before?.root ?? null };
  return {
    ...head,
    created: MOMENT + epoch.number,
    reason: before === null ? 'init' : 'rotation',
    admin: epoch.admin.publicKey,
    backup: [epoch.backup.publicKey],
    origin: 0,
    check: epoch.check,
    previous: before === null ? null : hash(before.stored),
    sealed: sealCarried(epoch.root, head, carried),
    closing: before === null ? null : closing,
  };
}

const signRecord = (record: EpochRecord, signer: KeyPair): Uint8Array =>
  sign('epoch', id, signer, recordPayload(record));
const succeed = (record: Uint8Array, old: KeyPair): Uint8Array => sign('succession', id, old, record);

const record1 = recordOf(first, null);
const stored1 = signRecord(record1, first.admin);
const record2 = recordOf(second, { stored: stored1, root: first.root });
const stored2 = succeed(signRecord(record2, second.admin), first.admin);
const record3 = recordOf(third, { stored: stored2, root: second.root });
const stored3 = succeed(signRecord(record3, third.admin), second.admin);
const rivalRecord = recordOf(rival, { stored: stored1, root: first.root });
const rival2 = succeed(signRecord(rivalRecord, rival.admin), first.admin);

const named = (epoch: number, bytes: Uint8Array): NamedObject => ({
  name: `epochs/${epoch}.${hex(hash(bytes))}`,
  bytes,
});
const chain = [named(1, stored1), named(2, stored2), named(3, stored3)];
const pinnedTo = (epoch: Epoch, records: readonly NamedObject[], as = repository): Values => ({
  repository: as,
  records,
  pinned: epoch.admin.publicKey,
});
const change1 = (change: Partial<EpochRecord>): Uint8Array =>
  signRecord({ ...record1, ...change }, first.admin);
const change2 = (change: Partial<EpochRecord>): Uint8Array =>
  succeed(signRecord({ ...record2, ...change }, second.admin), first.admin);
/** Record 1 as the only one. */
const alone = (error: Draft['error'] & string, comment: string, clause: string, bytes: Uint8Array): Draft =>
  invalid(error, comment, clause, pinnedTo(first, [named(1, bytes)]));
/** Record 1 as it should be and another record 2. */
const after1 = (error: Draft['error'] & string, comment: string, clause: string, bytes: Uint8Array): Draft =>
  invalid(error, comment, clause, pinnedTo(first, [named(1, stored1), named(2, bytes)]));

const SMALL_ORDER = concat(Uint8Array.of(1), zeros(31));

const repositories = group(
  'readRepositoryObject',
  valid(
    'a repository with plain names',
    '§13.1',
    { object: repository },
    { payload: repositoryPayload(repositoryFields) },
  ),
  valid('a repository with sealed names', '§13.1', { object: signRepository({ names: 1 }) }),
  invalid('SIGNATURE_INVALID', 'a flipped bit in the signature', '§4.2', { object: flip(repository, -1) }),
  invalid('SIGNATURE_INVALID', 'signed for another id than that of its payload', '§13.1', {
    object: signRepository({}, first.admin, otherId),
  }),
  invalid('SIGNER_UNKNOWN', 'signed by another key than it names', '§13.1', {
    object: signRepository({}, second.admin),
  }),
  invalid('FORMAT_NEWER', 'format 3', '§13.1', { object: signRepository({ format: 3 }) }),
  invalid('FORMAT_INVALID', 'format 1', '§13.1', { object: signRepository({ format: 1 }) }),
  invalid('FORMAT_INVALID', 'names 2', '§13.1', { object: signRepository({ names: 2 }) }),
  invalid('FORMAT_INVALID', 'an admin key of small order', '§4.3', {
    object: signRepository({ admin: SMALL_ORDER }),
  }),
  invalid('FORMAT_INVALID', 'a key more', '§5.2', {
    object: sign('repository', id, first.admin, encode(map({ ...repositoryFields, note: '' }))),
  }),
  invalid('FORMAT_INVALID', 'a byte after it', '§4.1', { object: append(repository, 0) }),
  invalid('SIGNATURE_INVALID', 'an epoch record in its place', '§4.2', { object: stored1 }),
);

const introductions = group(
  'introduceKeys',
  valid('one epoch', '§19.1', pinnedTo(first, [named(1, stored1)]), { payload: recordPayload(record1) }),
  valid('pinned to the first of three epochs', '§19.2', pinnedTo(first, chain)),
  valid('pinned to the second of three epochs', '§19.2', pinnedTo(second, chain)),
  valid('pinned to the last of three epochs', '§19.2', pinnedTo(third, chain)),
  valid(
    'records are found in whatever order they are listed',
    '§19.2',
    pinnedTo(second, [...chain].reverse()),
  ),
  valid(
    'a record 2 that a stranger made counts for nothing',
    '§19.2',
    pinnedTo(first, [
      named(1, stored1),
      named(2, succeed(signRecord(rivalRecord, rival.admin), stranger.admin)),
    ]),
  ),
  valid(
    'a record 2 with a forged succession counts for nothing',
    '§19.2',
    pinnedTo(first, [named(1, stored1), named(2, flip(rival2, -1))]),
  ),
  valid(
    'of two successors the pinned one counts',
    '§13.3',
    pinnedTo(rival, [named(1, stored1), named(2, stored2), named(2, rival2)]),
  ),
  valid(
    'a record 2 that continues another record 1 counts for nothing',
    '§19.2',
    pinnedTo(first, [named(1, stored1), named(2, change2({ previous: seeded('another record', 32) }))]),
  ),
  invalid(
    'REFERENCE_TAMPERED',
    'two successors of the pinned epoch',
    '§13.3',
    pinnedTo(first, [named(1, stored1), named(2, stored2), named(2, rival2)]),
  ),
  invalid('SIGNER_UNKNOWN', 'pinned to a stranger', '§19.2', pinnedTo(stranger, chain)),
  invalid('SIGNER_UNKNOWN', 'no records', '§19.2', pinnedTo(first, [])),
  invalid(
    'SIGNER_UNKNOWN',
    'a repository object of a stranger',
    '§19.1',
    pinnedTo(first, [named(1, stored1)], signRepository({ admin: stranger.admin.publicKey }, stranger.admin)),
  ),
  invalid(
    'SIGNATURE_INVALID',
    'a repository object with another id',
    '§19.1',
    pinnedTo(first, [named(1, stored1)], signRepository({ id: otherId }, first.admin, otherId)),
  ),
  invalid(
    'OBJECT_CORRUPT',
    'a record under the name of another',
    '§16.1',
    pinnedTo(first, [{ ...named(1, stored1), bytes: flip(stored1, -1) }]),
  ),
  invalid('REFERENCE_TAMPERED', 'record 1 under the number 2', '§13.3', pinnedTo(first, [named(2, stored1)])),
  valid(
    'a name with a leading zero is no record',
    '§16.3',
    pinnedTo(first, [named(1, stored1), { ...named(1, stored1), name: `epochs/01.${hex(hash(stored1))}` }]),
  ),
  invalid(
    'SIGNATURE_INVALID',
    'a repository object in the place of record 1',
    '§4.2',
    pinnedTo(first, [named(1, repository)]),
  ),
  alone('SIGNATURE_INVALID', 'a flipped bit in the signature of record 1', '§4.2', flip(stored1, -1)),
  alone(
    'SIGNER_UNKNOWN',
    'record 1 signed by another key than it names',
    '§13.2',
    signRecord(record1, second.admin),
  ),
  alone('FORMAT_INVALID', 'record 1 wrapped in a succession', '§13.3', succeed(stored1, first.admin)),
  after1('FORMAT_INVALID', 'record 2 without a succession', '§13.3', signRecord(record2, second.admin)),
  alone('FORMAT_INVALID', 'record 1 with a closing', '§13.2', change1({ closing })),
  alone('FORMAT_INVALID', 'record 1 with a previous record', '§13.2', change1({ previous: seeded('x', 32) })),
  alone('FORMAT_INVALID', 'no backup keys', '§13.2', change1({ backup: [] })),
  alone(
    'FORMAT_INVALID',
    '17 backup keys',
    '§13.2',
    change1({ backup: Array.from({ length: 17 }, () => first.backup.publicKey) }),
  ),
  alone('FORMAT_INVALID', 'a backup key of small order', '§4.3', change1({ backup: [SMALL_ORDER] })),
  alone('FORMAT_INVALID', 'origin 2', '§13.2', change1({ origin: 2 })),
  alone('FORMAT_INVALID', 'epoch 0', '§13.2', change1({ epoch: 0 })),
  alone('REFERENCE_TAMPERED', 'record 1 names another repository', '§13.2', change1({ repository: otherId })),
  after1('FORMAT_INVALID', 'record 2 without a closing', '§13.2', change2({ closing: null })),
  after1(
    'FORMAT_INVALID',
    'a closing that is not ascending',
    '§13.2',
    change2({ closing: { ...closing, packs: [...closing.packs].reverse() } }),
  ),
);

/** Record 1 whose sealed part holds `oldRoot` where null belongs. */
const withOldRoot = change1({
  sealed: sealCarried(first.root, record1, {
    dedupSecrets: secretsOf(1),
    chunkerKey,
    oldRoot: seeded('a root', 32),
  }),
});
const twoSecrets = change1({
  sealed: sealCarried(first.root, record1, {
    dedupSecrets: [...secretsOf(2)].reverse(),
    chunkerKey,
    oldRoot: null,
  }),
});

const openings = group(
  'openRecord',
  valid(
    'what record 1 carries',
    '§13.2',
    { object: stored1, id, root: first.root },
    { ...recordKey(first.root, id, record1.salt, 1) },
  ),
  valid(
    'record 2 carries the old dedup secret and the old root',
    '§13.2',
    {
      object: stored2,
      id,
      root: second.root,
    },
    { ...recordKey(second.root, id, record2.salt, 2) },
  ),
  invalid('KEY_WRONG', 'the root of another vault key', '§3.3', { object: stored1, id, root: second.root }),
  invalid('REFERENCE_TAMPERED', 'another commitment in the sealed part', '§13.2', {
    object: change1({ sealed: flip(record1.sealed, 0) }),
    id,
    root: first.root,
  }),
  invalid('REFERENCE_TAMPERED', 'a flipped bit in the sealed part', '§13.2', {
    object: change1({ sealed: flip(record1.sealed, 50) }),
    id,
    root: first.root,
  }),
  invalid('FORMAT_INVALID', 'dedup secrets not ascending', '§13.2', {
    object: twoSecrets,
    id,
    root: first.root,
  }),
  invalid('FORMAT_INVALID', 'record 1 with an old root', '§13.2', {
    object: withOldRoot,
    id,
    root: first.root,
  }),
);

export const recordFile: DraftFile = {
  name: 'record.json',
  spec: 'spec/format.md#13-repository-epochs-slots-notes',
  header: [
    'The repository object, epoch records and successions, and the keys that a pinned key introduces.',
  ],
  groups: [repositories, introductions, openings],
};
