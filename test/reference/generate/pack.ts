/** Vectors of pack.json and index.json. */
import { ascii, concat, u32, zeros } from '../bytes.js';
import { type Cbor, decode, encode } from '../cbor.js';
import { compressedObject, storedObject } from '../compressed-object.js';
import { type Footer, footerPayload } from '../footer.js';
import { indexRaw } from '../pack.js';
import { hash } from '../schedule.js';
import { seeded } from '../seeded.js';
import { bstr, list } from '../shape.js';
import { envelope, fingerprint, protectedHeader, sign, type Signer, typeText } from '../signature.js';
import { frameOf, frameWithRuns } from '../zstd.js';
import { type Draft, type DraftFile, group, invalid, valid } from './draft.js';
import { footerOf, type MadePack, packOf, rowOf, signFooter } from './packs.js';
import { append, flip, patch, withItem, withoutEnd } from './verbs.js';
import {
  blobOf,
  first,
  id,
  otherId,
  second,
  signedInput,
  signers,
  signersOfBoth,
  stranger,
} from './world.js';

const frames = [
  blobOf(ascii('first'), 0).frame,
  blobOf(ascii('second'), 1).frame,
  blobOf(ascii('key'), 2, 3).frame,
];
const [one = zeros(0), two = zeros(0)] = frames;
const footer = footerOf(frames);
const honest = packOf(frames);
const framesEnd = concat(...frames).length;

/** A pack whose signed footer differs from the honest one in `change`. */
const lying = (change: Partial<Footer>): MadePack => packOf(frames, signFooter({ ...footer, ...change }));
const withRow = (change: Partial<Footer['blobs'][number]>): MadePack =>
  lying({ blobs: withItem(footer.blobs, 0, { ...rowOf(one), ...change }) });
/** A pack whose footer is a signed payload of any shape. */
const shaped = (payload: Uint8Array): MadePack => packOf(frames, sign('footer', id, first.backup, payload));
const payloadItems = (): Cbor[] => list(decode(footerPayload(footer)));

/** The honest footer with one of the four items of its envelope replaced. */
const withEnvelopeItem = (index: number, item: Cbor): MadePack =>
  packOf(frames, envelope(withItem(list(decode(honest.footer.subarray(1))), index, item)));
const labels = (entries: [Cbor, Cbor][]): Uint8Array => encode(new Map(entries));
const print = fingerprint(first.backup.publicKey);

const input = (pack: MadePack, as: readonly Signer[] = signers): Record<string, unknown> => ({
  ...signedInput(pack.object, as),
  name: hash(pack.footer),
});
const fails = (error: Draft['error'] & string, comment: string, clause: string, pack: MadePack): Draft =>
  invalid(error, comment, clause, input(pack));
const damaged = (comment: string, object: Uint8Array): Draft =>
  invalid('OBJECT_CORRUPT', comment, '§8.1', { ...input(honest), object });

const replacement = blobOf(ascii('first'), 9).frame;
const standIn = { ...footer, blobs: [{ ...rowOf(replacement), id: hash(one), as: hash(replacement) }] };

const accepted = [
  valid('three blobs', '§8.1', input(honest), { footer: honest.footer, payload: footerPayload(footer) }),
  valid(
    'a stand-in, signed by the admin key',
    '§8.4',
    input(packOf([replacement], signFooter(standIn, first.admin))),
  ),
];

const corrupt = [
  damaged('a flipped bit in a frame', flip(honest.object, 200)),
  damaged('a flipped bit in the footer', flip(honest.object, -100)),
  damaged('a flipped bit in the mark of the trailer', flip(honest.object, -1)),
  damaged(
    'a footer length that is one too small',
    patch(honest.object, honest.object.length - 8, u32(honest.footer.length - 1)),
  ),
  damaged(
    'a footer length beyond the pack',
    patch(honest.object, honest.object.length - 8, u32(honest.object.length)),
  ),
  damaged('the first byte is missing', honest.object.slice(1)),
  damaged('the last byte is missing', withoutEnd(honest.object, 1)),
  damaged('a byte before the first frame', concat(zeros(1), honest.object)),
  damaged(
    'a byte between the frames and the footer',
    concat(...frames, zeros(1), honest.object.slice(framesEnd)),
  ),
  damaged('a byte after the trailer', append(honest.object, 0)),
  damaged('no bytes', zeros(0)),
  damaged('the frames in another order', packOf([two, one, frames[2] ?? zeros(0)], honest.footer).object),
  damaged('a pack of another name', packOf([one]).object),
  invalid('LIMIT_EXCEEDED', 'a footer length beyond the limit', '§15', {
    ...input(honest),
    object: patch(honest.object, honest.object.length - 8, u32(8388609)),
  }),
];

const signatures = [
  fails(
    'SIGNATURE_INVALID',
    'a flipped bit in the signature',
    '§4.2',
    withEnvelopeItem(3, flip(bstr(list(decode(honest.footer.subarray(1)))[3]), 40)),
  ),
  fails(
    'SIGNATURE_INVALID',
    'a signed footer with another payload',
    '§4.2',
    withEnvelopeItem(2, footerPayload({ ...footer, dedup: 2 })),
  ),
  fails(
    'SIGNATURE_INVALID',
    'a footer that was signed for another repository',
    '§4.1',
    packOf(frames, sign('footer', otherId, first.backup, footerPayload(footer))),
  ),
  fails(
    'SIGNATURE_INVALID',
    'a footer that was signed as a manifest',
    '§4.2',
    packOf(frames, sign('manifest', id, first.backup, footerPayload(footer))),
  ),
  fails(
    'SIGNER_UNKNOWN',
    'a footer of a stranger',
    '§4.2',
    packOf(frames, signFooter(footer, stranger.backup)),
  ),
  fails(
    'SIGNER_UNKNOWN',
    'stand-ins signed by the backup key',
    '§4.1',
    packOf([replacement], signFooter(standIn)),
  ),
  invalid(
    'SIGNER_UNKNOWN',
    'stand-ins signed by the admin key of an old epoch',
    '§8.4',
    input(packOf([replacement], signFooter(standIn, first.admin)), signersOfBoth),
  ),
  fails(
    'SIGNER_UNKNOWN',
    'no stand-ins and signed by the admin key',
    '§4.1',
    packOf(frames, signFooter(footer, first.admin)),
  ),
  fails(
    'FORMAT_NEWER',
    'a type of version 3',
    '§4.2',
    withEnvelopeItem(0, protectedHeader('nbak/v3/footer', first.backup.publicKey)),
  ),
  fails(
    'FORMAT_INVALID',
    'another algorithm',
    '§4.1',
    withEnvelopeItem(
      0,
      labels([
        [1, -7],
        [3, typeText('footer')],
        [4, print],
      ]),
    ),
  ),
  fails(
    'FORMAT_INVALID',
    'no algorithm',
    '§4.1',
    withEnvelopeItem(
      0,
      labels([
        [3, typeText('footer')],
        [4, print],
      ]),
    ),
  ),
  fails(
    'FORMAT_INVALID',
    'one label more',
    '§4.1',
    withEnvelopeItem(
      0,
      labels([
        [1, -8],
        [3, typeText('footer')],
        [4, print],
        [5, 0],
      ]),
    ),
  ),
  fails(
    'FORMAT_INVALID',
    'the fingerprint among the unprotected labels',
    '§4.1',
    withEnvelopeItem(1, new Map<Cbor, Cbor>([[4, print]])),
  ),
  fails('FORMAT_INVALID', 'a signature of 63 bytes', '§4.1', withEnvelopeItem(3, zeros(63))),
  fails('FORMAT_INVALID', 'a detached payload', '§4.1', withEnvelopeItem(2, null)),
  fails('FORMAT_INVALID', 'an envelope without its tag', '§4.1', packOf(frames, honest.footer.slice(1))),
  fails('FORMAT_INVALID', 'a byte after the envelope', '§4.1', packOf(frames, append(honest.footer, 0))),
];

const shapes = [
  fails('FORMAT_INVALID', 'no blobs', '§8.2', packOf([], signFooter({ ...footer, blobs: [] }))),
  fails('FORMAT_INVALID', 'one id twice', '§8.2', packOf([one, one])),
  fails('FORMAT_INVALID', 'epoch 0', '§8.2', lying({ epoch: 0 })),
  fails('FORMAT_INVALID', 'dedup secret 0', '§8.2', lying({ dedup: 0 })),
  fails('FORMAT_INVALID', 'epoch 2³²', '§8.2', lying({ epoch: 2 ** 32 })),
  fails('FORMAT_INVALID', 'a blob shorter than any', '§6.1', withRow({ length: 131 })),
  fails('FORMAT_NEWER', 'a blob of kind 6', '§8.2', withRow({ kind: 6 })),
  fails('FORMAT_INVALID', 'a payload with a sixth item', '§5.2', shaped(encode([...payloadItems(), 0]))),
  fails('FORMAT_INVALID', 'a payload with a byte after it', '§5.2', shaped(append(footerPayload(footer), 0))),
  fails('LIMIT_EXCEEDED', 'a blob longer than any', '§15', withRow({ length: 17825792 + 125 })),
];

const contradictions = [
  fails('REFERENCE_TAMPERED', 'the footer names another repository', '§8.2', lying({ id: otherId })),
  fails(
    'REFERENCE_TAMPERED',
    'the footer names an epoch that its signer does not belong to',
    '§8.2',
    lying({ epoch: 2 }),
  ),
  fails(
    'REFERENCE_TAMPERED',
    'the footer names another session',
    '§8.1',
    lying({ session: seeded('another session', 16) }),
  ),
  fails('REFERENCE_TAMPERED', 'the footer names another kind', '§8.1', withRow({ kind: 2 })),
  fails(
    'REFERENCE_TAMPERED',
    'the footer names another tag',
    '§8.1',
    withRow({ tag: seeded('another tag', 32) }),
  ),
  fails(
    'OBJECT_CORRUPT',
    'the footer names one more byte than there is',
    '§8.1',
    withRow({ length: one.length + 1 }),
  ),
  invalid(
    'REFERENCE_TAMPERED',
    'an old frame in a footer of the new epoch',
    '§8.1',
    input(packOf([one], signFooter({ ...footerOf([one]), epoch: 2 }, second.backup)), signersOfBoth),
  ),
];

export const packFile: DraftFile = {
  name: 'pack.json',
  spec: 'spec/format.md#8-pack',
  header: ['Reading a whole pack against the 32 bytes of its name and the keys that are introduced.'],
  groups: [group('readPack', ...accepted, ...corrupt, ...signatures, ...shapes, ...contradictions)],
};

/** A footer with two runs of zeros, so that a hand-made zstd frame is shorter than it. */
const runs = signFooter({
  ...footer,
  blobs: [{ id: zeros(32), tag: zeros(32), kind: 1, length: 200, as: null }],
});
const raw = indexRaw([honest.footer, runs]);
const index = storedObject('NBKI', raw);
const zstdIndex = compressedObject('NBKI', 1, raw.length, frameWithRuns(raw));
const bad = (error: Draft['error'] & string, comment: string, clause: string, object: Uint8Array): Draft =>
  invalid(error, comment, clause, signedInput(object));

export const indexFile: DraftFile = {
  name: 'index.json',
  spec: 'spec/format.md#9-index',
  header: ['Reading an index object; every footer in it is verified.'],
  groups: [
    group(
      'readIndex',
      valid('two packs, stored', '§9', signedInput(index), { raw }),
      valid('two packs, one zstd frame', '§5.3', signedInput(zstdIndex), { raw }),
      invalid('OBJECT_CORRUPT', 'a flipped bit', '§16.1', { ...signedInput(index), object: flip(index, 60) }),
      bad('FORMAT_INVALID', 'the magic of a page', '§5.3', patch(index, 0, ascii('NBKP'))),
      bad('FORMAT_NEWER', 'version 3', '§5.3', patch(index, 4, Uint8Array.of(3))),
      bad('FORMAT_NEWER', 'version 1', '§5.3', patch(index, 4, Uint8Array.of(1))),
      bad('FORMAT_NEWER', 'codec 2', '§5.3', patch(index, 5, Uint8Array.of(2))),
      bad(
        'FORMAT_INVALID',
        'a raw length that is not the body’s',
        '§5.3',
        patch(index, 6, u32(raw.length - 1)),
      ),
      bad('LIMIT_EXCEEDED', 'a raw length beyond the limit', '§15', patch(zstdIndex, 6, u32(16777217))),
      bad(
        'FORMAT_INVALID',
        'a zstd frame that is not shorter than the raw bytes',
        '§5.3',
        compressedObject(
          'NBKI',
          1,
          raw.length,
          frameOf([{ type: 'raw', bytes: raw }], { contentSize: raw.length }),
        ),
      ),
      bad('FORMAT_INVALID', 'a head without its end', '§5.3', index.slice(0, 9)),
      bad(
        'FORMAT_INVALID',
        'a footer that is no byte string',
        '§9',
        storedObject('NBKI', encode([honest.footer, 1])),
      ),
      bad('FORMAT_INVALID', 'not an array', '§9', storedObject('NBKI', encode(honest.footer))),
      bad(
        'SIGNER_UNKNOWN',
        'a footer of a stranger among honest ones',
        '§8.3',
        storedObject('NBKI', indexRaw([honest.footer, signFooter(footer, stranger.backup)])),
      ),
      bad(
        'SIGNATURE_INVALID',
        'a forged footer among honest ones',
        '§8.3',
        storedObject(
          'NBKI',
          indexRaw([honest.footer, withEnvelopeItem(2, footerPayload({ ...footer, dedup: 2 })).footer]),
        ),
      ),
    ),
  ],
};
