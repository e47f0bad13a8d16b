/** Vectors of manifest.json. */
import { ascii, concat, u32, zeros } from '../bytes.js';
import { type Cbor, encode, map } from '../cbor.js';
import { sorted } from '../manifest.js';
import { sign } from '../signature.js';
import { seeded } from '../seeded.js';
import { type Draft, type DraftFile, group, invalid, valid, type Values } from './draft.js';
import { append, flip, withoutEnd } from './verbs.js';
import {
  first,
  id,
  MOMENT,
  otherId,
  second,
  signedInput,
  signers,
  signersOfBoth,
  stranger,
} from './world.js';

type CborFields = Record<string, Cbor>;

const scope = { exclude: ['*.tmp', '/cache'], excludeCaches: true, oneFileSystem: false };
const detail: CborFields = {
  host: 'host.example',
  roots: [
    [ascii('srv'), ascii('/srv/app'), 12],
    [ascii('etc'), ascii('/etc/app'), 3],
  ],
  tags: ['daily', 'nightly'],
  profile: 'generic',
  scope: map(scope),
  cut: 1,
  torn: [ascii('srv/log')],
  unreadable: [[ascii('srv/secret'), 'EACCES']],
  outside: ['/var/run/app.sock'],
  writer: 'nbak 0.1.0',
};
const parents = sorted([seeded('parent 1', 32), seeded('parent 2', 32)]);
const fieldsOf: CborFields = {
  id: seeded('manifest id', 16),
  repository: id,
  epoch: 1,
  time: MOMENT,
  signedAt: MOMENT + 60_000,
  parents,
  sequence: 8,
  names: 0,
  purpose: 0,
  dedup: 1,
  totals: [10, 4, 1, 123456],
  pages: [seeded('page 1', 32), seeded('page 2', 32)],
  detail: map(detail),
};

const payload = (change: CborFields = {}): Uint8Array => encode(map({ ...fieldsOf, ...change }));
const withDetail = (change: CborFields): Uint8Array => payload({ detail: map({ ...detail, ...change }) });
const without = (key: string): Uint8Array =>
  encode(map(Object.fromEntries(Object.entries(fieldsOf).filter(([name]) => name !== key))));
const signedManifest = (bytes: Uint8Array): Uint8Array => sign('manifest', id, first.backup, bytes);
const manifest = signedManifest(payload());
/** The input of a manifest in a repository of `names`. */
const manifestInput = (object: Uint8Array, as = signers, names = 0): Values => ({
  ...signedInput(object, as),
  names,
});
const sealedRow = concat(seeded('detail blob', 32), u32(900));

/** Two app keys: one from a file, with tokens of every kind of place, and one that was not found. */
const appKeyRows: Cbor = [
  [
    'app',
    [0, ascii('srv/.app_key')],
    0,
    [
      [ascii('srv/app.db'), 0, 'accounts', 'password', '', 'enc:', 12, 1],
      [ascii('srv/app.db'), 0, 'servers', 'settings', 'tokens.*', '', 3, 0],
      [ascii('srv/integrations.json'), 1, '', '', '*.api_key', 'enc:', 2, 0],
      [ascii('srv/settings.yaml'), 2, '', '', 'mail.password', 'enc:', 0, 4],
    ],
  ],
  ['other', null, null, []],
];
const appKeyBlobs = sorted([seeded('app key blob 1', 32), seeded('app key blob 2', 32)]).map((blob) =>
  concat(blob, u32(176)),
);
const withAppKeys = (rows: Cbor, blobs: Cbor = appKeyBlobs): Uint8Array =>
  payload({ appKeys: blobs, detail: map({ ...detail, appKeys: rows }) });

const sealedManifest = signedManifest(payload({ names: 1, detail: sealedRow }));

const reads = (comment: string, clause: string, bytes: Uint8Array): Draft =>
  valid(comment, clause, manifestInput(signedManifest(bytes)), { payload: bytes });
const refuses = (
  error: Draft['error'] & string,
  comment: string,
  clause: string,
  object: Uint8Array,
): Draft => invalid(error, comment, clause, manifestInput(object));
const bad = (comment: string, clause: string, bytes: Uint8Array): Draft =>
  refuses('FORMAT_INVALID', comment, clause, signedManifest(bytes));
const many = (count: number, seed: string): Uint8Array[] =>
  sorted(Array.from({ length: count }, (_, i) => concat(u32(i), seeded(seed, 28))));

export const manifestFile: DraftFile = {
  name: 'manifest.json',
  spec: 'spec/format.md#11-manifest',
  header: [
    'Reading a manifest under its name with the keys that are introduced; details of sealed manifests.',
  ],
  groups: [
    group(
      'readManifest',
      reads('plain names, two parents, two roots', '§11.2', payload()),
      reads('the first backup of a repository', '§11.2', payload({ parents: [], sequence: 1 })),
      valid('sealed names', '§11.2', manifestInput(sealedManifest, signers, 1), {
        payload: payload({ names: 1, detail: sealedRow }),
      }),
      invalid(
        'REFERENCE_TAMPERED',
        'sealed names in a repository of plain ones',
        '§11.2',
        manifestInput(sealedManifest),
      ),
      invalid(
        'REFERENCE_TAMPERED',
        'plain names in a repository of sealed ones',
        '§11.2',
        manifestInput(manifest, signers, 1),
      ),
      reads('app keys: one found, one not', '§11.4', withAppKeys(appKeyRows)),
      valid(
        'app keys where names are sealed',
        '§11.2',
        manifestInput(
          signedManifest(payload({ names: 1, detail: sealedRow, appKeys: appKeyBlobs })),
          signers,
          1,
        ),
      ),
      bad('an empty list of app keys', '§11.2', withAppKeys(appKeyRows, [])),
      bad('an empty list of rows of app keys', '§11.3', withAppKeys([])),
      bad('app keys not ascending', '§11.2', withAppKeys(appKeyRows, [...appKeyBlobs].reverse())),
      bad(
        'an app key’s blob twice',
        '§11.2',
        withAppKeys(appKeyRows, [appKeyBlobs[0] ?? null, appKeyBlobs[0] ?? null]),
      ),
      bad('an app key without origin that has a blob', '§11.4', withAppKeys([['app', null, 0, []]])),
      bad(
        'tokens in a place of kind 3',
        '§11.4',
        withAppKeys([['app', [0, ascii('srv/.app_key')], 0, [[ascii('srv/a'), 3, '', '', '', '', 0, 0]]]]),
      ),
      refuses(
        'LIMIT_EXCEEDED',
        '1001 places of one app key',
        '§11.4',
        signedManifest(
          withAppKeys([
            ['app', null, null, Array.from({ length: 1001 }, () => [ascii('a'), 1, '', '', 'a', '', 0, 1])],
          ]),
        ),
      ),
      reads('a time before 1970', '§11.2', payload({ time: -1 })),
      reads('1024 parents', '§15', payload({ parents: many(1024, 'parents') })),
      invalid('OBJECT_CORRUPT', 'a flipped bit in the payload', '§16.1', {
        ...manifestInput(manifest),
        object: flip(manifest, 90),
      }),
      refuses('SIGNATURE_INVALID', 'a flipped bit in the signature', '§4.2', flip(manifest, -1)),
      refuses(
        'SIGNATURE_INVALID',
        'a manifest of another repository',
        '§4.1',
        sign('manifest', otherId, first.backup, payload()),
      ),
      refuses(
        'SIGNATURE_INVALID',
        'a footer in the place of a manifest',
        '§4.2',
        sign('footer', id, first.backup, payload()),
      ),
      refuses('FORMAT_INVALID', 'a manifest cut short', '§5.2', withoutEnd(manifest, 1)),
      refuses('FORMAT_INVALID', 'a byte after the manifest', '§4.1', append(manifest, 0)),
      refuses('FORMAT_INVALID', 'no bytes', '§4.1', zeros(0)),
      refuses(
        'SIGNER_UNKNOWN',
        'signed by a stranger',
        '§4.2',
        sign('manifest', id, stranger.backup, payload()),
      ),
      refuses(
        'SIGNER_UNKNOWN',
        'signed by the admin key',
        '§4.1',
        sign('manifest', id, first.admin, payload()),
      ),
      refuses(
        'SIGNER_UNKNOWN',
        'a stranger’s signature is not looked at',
        '§4.2',
        flip(sign('manifest', id, stranger.backup, payload()), -1),
      ),
      refuses(
        'REFERENCE_TAMPERED',
        'the payload names another repository',
        '§11.2',
        signedManifest(payload({ repository: otherId })),
      ),
      invalid(
        'REFERENCE_TAMPERED',
        'a backup key of epoch 1 signs for epoch 2',
        '§11.1',
        manifestInput(signedManifest(payload({ epoch: 2 })), signersOfBoth),
      ),
      valid(
        'a backup key of epoch 2 signs for epoch 2',
        '§11.1',
        manifestInput(sign('manifest', id, second.backup, payload({ epoch: 2 })), signersOfBoth),
      ),
      bad('a key is missing', '§5.2', without('purpose')),
      bad('one key too many', '§5.2', payload({ note: 'hello' })),
      bad('epoch 0', '§11.2', payload({ epoch: 0 })),
      bad('epoch 2³²', '§11.2', payload({ epoch: 2 ** 32 })),
      bad('dedup secret 0', '§11.2', payload({ dedup: 0 })),
      bad(
        'a detail row with a frame that is too short',
        '§6.1',
        payload({ names: 1, detail: concat(seeded('detail blob', 32), u32(131)) }),
      ),
      bad('a root of no entries', '§11.3', withDetail({ roots: [[ascii('a'), ascii('/a'), 0]] })),
      bad(
        'tags in another order than that of their bytes',
        '§11.3',
        withDetail({ tags: ['\u{1f600}', '\uff5e'] }),
      ),
      bad('sequence 0', '§11.2', payload({ sequence: 0 })),
      bad('parents not ascending', '§11.2', payload({ parents: [...parents].reverse() })),
      bad('a parent twice', '§11.2', payload({ parents: [parents[0] ?? null, parents[0] ?? null] })),
      refuses(
        'LIMIT_EXCEEDED',
        '1025 parents',
        '§15',
        signedManifest(payload({ parents: many(1025, 'parents') })),
      ),
      bad('names 2', '§11.2', payload({ names: 2 })),
      bad('purpose 3', '§11.2', payload({ purpose: 3 })),
      bad('totals of three numbers', '§11.2', payload({ totals: [1, 2, 3] })),
      bad('plain names with a sealed detail', '§11.2', payload({ detail: sealedRow })),
      bad('sealed names with a plain detail', '§11.2', payload({ names: 1 })),
      bad('a time that is text', '§11.2', payload({ time: '2026-01-01' })),
      bad('a time beyond 2⁵³', '§5.2', payload({ time: 2n ** 60n })),
      bad('no roots', '§11.3', withDetail({ roots: [] })),
      bad(
        'two roots of one name',
        '§11.3',
        withDetail({
          roots: [
            [ascii('a'), ascii('/a'), 1],
            [ascii('a'), ascii('/b'), 1],
          ],
        }),
      ),
      refuses(
        'PATH_UNSAFE',
        'a root that is called ..',
        '§11.3',
        signedManifest(withDetail({ roots: [[ascii('..'), ascii('/a'), 1]] })),
      ),
      refuses(
        'PATH_UNSAFE',
        'a root with a slash in its name',
        '§11.3',
        signedManifest(withDetail({ roots: [[ascii('a/b'), ascii('/a'), 1]] })),
      ),
      bad('tags not ascending', '§11.3', withDetail({ tags: ['b', 'a'] })),
      bad('a tag twice', '§11.3', withDetail({ tags: ['a', 'a'] })),
      bad('cut 4', '§11.3', withDetail({ cut: 4 })),
      bad('an unknown rule of scope', '§11.3', withDetail({ scope: map({ ...scope, followLinks: true }) })),
      refuses(
        'LIMIT_EXCEEDED',
        '1001 torn files',
        '§15',
        signedManifest(withDetail({ torn: Array.from({ length: 1001 }, () => ascii('srv/x')) })),
      ),
    ),
    group(
      'readDetail',
      valid('the detail that a blob of kind 5 holds', '§11.3', { plaintext: encode(map(detail)) }),
      invalid('FORMAT_INVALID', 'a byte after it', '§5.2', { plaintext: append(encode(map(detail)), 0) }),
    ),
  ],
};
