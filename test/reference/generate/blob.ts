/** Vectors of blob.json: sealing and opening frames. */
import { type FrameHeader, headerBytes, sealRaw, sealedPlaintext, type SealedBlob } from '../blob.js';
import { ascii, concat, u32, zeros } from '../bytes.js';
import { blobKey, chunkTag, hash, sessionSecret, tagKey } from '../schedule.js';
import { encrypt } from '../sealed.js';
import { seeded } from '../seeded.js';
import { type Block, frameOf } from '../zstd.js';
import { type Draft, type DraftFile, group, invalid, valid, type Values } from './draft.js';
import { sealForTwoKeys } from './two-keys.js';
import { append, flip, patch, withoutEnd } from './verbs.js';
import { blobOf, first, id, nonce, salt, second, secrets } from './world.js';

const MIB = 1024 * 1024;
const hello = ascii('hello, backup');
const plain = blobOf(hello, 0);
const tagOf = (plaintext: Uint8Array): Uint8Array => chunkTag(tagKey(secrets.dedupSecret, id), plaintext);
const head = (codec: number, plaintext: Uint8Array): Omit<FrameHeader, 'sealedLength'> => ({
  codec,
  kind: 1,
  epoch: 1,
  salt,
  nonce: nonce(1, 7),
  tag: tagOf(plaintext),
});

/** A blob whose sealed plaintext is `inner`, honest in everything else. */
const sealInner = (codec: number, plaintext: Uint8Array, inner: Uint8Array): SealedBlob =>
  sealRaw(secrets, head(codec, plaintext), inner);
const sealZstd = (plaintext: Uint8Array, frame: Uint8Array): SealedBlob =>
  sealInner(1, plaintext, sealedPlaintext(plaintext.length, frame));

const raw = (bytes: Uint8Array): Block => ({ type: 'raw', bytes });
const rle = (length: number): Block => ({ type: 'rle', byte: 0, length });
const honest = (plaintext: Uint8Array): Uint8Array =>
  frameOf([raw(plaintext)], { contentSize: plaintext.length });

const opens = (comment: string, clause: string, blob: SealedBlob, more: Values = {}): Draft => {
  const { frame, ...intermediate } = blob;
  const sealed = frame.length < 4096 ? { id: hash(frame), tag: frame.slice(40, 72) } : {};
  return valid(comment, clause, { ...secrets, frame }, { ...intermediate, ...sealed, ...more });
};
const fails = (error: Draft['error'] & string, comment: string, clause: string, frame: Uint8Array): Draft =>
  invalid(error, comment, clause, { ...secrets, frame });

/** A frame that opens under the commitment of the right key but is encrypted with another (§6.4). */
function committedToAnotherKey(): Uint8Array {
  const inner = sealedPlaintext(hello.length, hello);
  const bytes = headerBytes({ ...head(0, hello), sealedLength: inner.length });
  const secret = sessionSecret(secrets.root, id, salt, 0);
  const other = blobKey(seeded('another session secret', 32), bytes);
  return concat(bytes, blobKey(secret, bytes).commitment, encrypt(other.key, nonce(1, 7), inner));
}

/** A ciphertext that authenticates under the keys of two roots, with the commitment of one of them (A13). */
function sealedForTwoRoots(committed: 'first' | 'second'): Uint8Array {
  const content = ascii('one ciphertext, two keys'.padEnd(40));
  const inner = sealedPlaintext(content.length, content);
  const bytes = headerBytes({ ...head(0, content), sealedLength: inner.length });
  const keysOf = (root: Uint8Array) => blobKey(sessionSecret(root, id, salt, 0), bytes);
  const keys = { first: keysOf(first.root), second: keysOf(second.root) };
  const ciphertext = sealForTwoKeys([keys.first.key, keys.second.key], nonce(1, 7), inner);
  return concat(bytes, keys[committed].commitment, ciphertext);
}

const good = [
  opens('a stored chunk', '§6.7', plain, { plaintext: hello }),
  opens('an empty chunk', '§6.3', blobOf(new Uint8Array(), 1)),
  opens('an app key is sealed with the session secret of class 1', '§3.4', blobOf(ascii('an app key'), 2, 3)),
  opens(
    'a blob of the second lane with a high counter',
    '§6.1',
    sealRaw(secrets, { ...head(0, hello), nonce: nonce(2, 2 ** 40) }, sealedPlaintext(hello.length, hello)),
  ),
  opens(
    'padding of zero bytes',
    '§6.3',
    sealInner(0, hello, concat(sealedPlaintext(hello.length, hello), zeros(19))),
  ),
  opens('zstd with one raw block', '§5.4', sealZstd(hello, honest(hello))),
  opens('zstd of nothing', '§5.4', sealZstd(zeros(0), honest(zeros(0)))),
  opens(
    'zstd with a raw and an RLE block',
    '§5.4',
    sealZstd(
      concat(hello, zeros(1000)),
      frameOf([raw(hello), rle(1000)], { contentSize: hello.length + 1000 }),
    ),
  ),
  opens(
    'zstd with a window of 16 MiB',
    '§5.4',
    sealZstd(hello, frameOf([raw(hello)], { contentSize: hello.length, window: 14 << 3 })),
  ),
  opens(
    'zstd that gives 16 MiB of zeros, the longest plaintext',
    '§15',
    sealZstd(
      zeros(16 * MIB),
      frameOf(
        Array.from({ length: 128 }, () => rle(128 * 1024)),
        { contentSize: 16 * MIB },
      ),
    ),
  ),
];

const broken = [
  fails('FORMAT_INVALID', 'another magic', '§6.1', flip(plain.frame, 0)),
  fails(
    'FORMAT_INVALID',
    'a frame of version 1 where version 2 is demanded',
    '§6.1',
    patch(plain.frame, 4, Uint8Array.of(1)),
  ),
  fails('FORMAT_NEWER', 'version 3', '§6.1', patch(plain.frame, 4, Uint8Array.of(3))),
  fails('FORMAT_NEWER', 'suite 2', '§6.1', patch(plain.frame, 5, Uint8Array.of(2))),
  fails('FORMAT_NEWER', 'codec 2', '§6.1', patch(plain.frame, 6, Uint8Array.of(2))),
  fails('FORMAT_NEWER', 'kind 0', '§6.1', patch(plain.frame, 7, Uint8Array.of(0))),
  fails('FORMAT_NEWER', 'kind 6', '§6.1', patch(plain.frame, 7, Uint8Array.of(6))),
  fails('FORMAT_INVALID', 'epoch 0', '§6.1', patch(plain.frame, 8, u32(0))),
  fails('FORMAT_INVALID', 'sealed length 7', '§6.1', patch(plain.frame, 72, u32(7))),
  fails('LIMIT_EXCEEDED', 'a sealed length beyond the limit', '§15', patch(plain.frame, 72, u32(17825793))),
  fails('LIMIT_EXCEEDED', 'the largest sealed length', '§15', patch(plain.frame, 72, u32(4294967295))),
  fails(
    'FORMAT_INVALID',
    'a sealed length within the limit and beyond the frame',
    '§6.1',
    patch(plain.frame, 72, u32(17825792)),
  ),
  fails('FORMAT_INVALID', 'the last byte is missing', '§6.1', withoutEnd(plain.frame, 1)),
  fails('FORMAT_INVALID', 'one byte too many', '§6.1', append(plain.frame, 0)),
  fails('FORMAT_INVALID', 'nothing but a header', '§6.1', plain.frame.slice(0, 76)),
  fails('FORMAT_INVALID', 'no bytes at all', '§6.1', new Uint8Array()),
];

const tampered = [
  fails('BLOB_TAMPERED', 'another epoch in the header', '§6.4', patch(plain.frame, 8, u32(2))),
  fails('BLOB_TAMPERED', 'a flipped bit in the session salt', '§6.4', flip(plain.frame, 12)),
  fails('BLOB_TAMPERED', 'a flipped bit in the nonce', '§6.4', flip(plain.frame, 39)),
  fails('BLOB_TAMPERED', 'a flipped bit in the tag', '§6.4', flip(plain.frame, 40)),
  fails('BLOB_TAMPERED', 'a flipped bit in the commitment', '§6.4', flip(plain.frame, 76)),
  fails('BLOB_TAMPERED', 'a flipped bit in the ciphertext', '§6.7', flip(plain.frame, 108)),
  fails('BLOB_TAMPERED', 'a flipped bit in the authentication tag', '§6.7', flip(plain.frame, -1)),
  fails(
    'BLOB_TAMPERED',
    'an app key relabelled as data',
    '§3.4',
    patch(blobOf(ascii('an app key'), 2, 3).frame, 7, Uint8Array.of(1)),
  ),
  fails(
    'BLOB_TAMPERED',
    'the commitment of the right key over the ciphertext of another',
    '§6.4',
    committedToAnotherKey(),
  ),
  fails(
    'BLOB_TAMPERED',
    'sealed honestly with the tag of another chunk',
    '§6.7',
    sealRaw(secrets, head(0, ascii('another chunk')), sealedPlaintext(hello.length, hello)).frame,
  ),
  invalid('BLOB_TAMPERED', 'the root of another epoch', '§6.7', {
    ...secrets,
    root: second.root,
    frame: plain.frame,
  }),
  invalid('BLOB_TAMPERED', 'the dedup secret of another number', '§6.7', {
    ...secrets,
    dedupSecret: seeded('dedup secret 2', 32),
    frame: plain.frame,
  }),
  invalid('BLOB_TAMPERED', 'the id of another repository', '§3.4', {
    ...secrets,
    id: seeded('id of another repository', 16),
    frame: plain.frame,
  }),
];

/** Whoever leaves the commitment out comes to the second one's plaintext length, which is none, or to its tag. */
const forTwoKeys = [
  invalid(
    'BLOB_TAMPERED',
    'one ciphertext that authenticates under two keys, opened with the one it does not commit to',
    '§6.4',
    { ...secrets, root: second.root, frame: sealedForTwoRoots('first') },
  ),
  fails(
    'BLOB_TAMPERED',
    'the same ciphertext under the commitment of the other key',
    '§6.4',
    sealedForTwoRoots('second'),
  ),
];

const inside = [
  fails(
    'LIMIT_EXCEEDED',
    'a plaintext length beyond the limit',
    '§15',
    sealInner(0, hello, sealedPlaintext(16 * MIB + 1, hello)).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'a stored body shorter than the plaintext length',
    '§6.3',
    sealInner(0, hello, sealedPlaintext(hello.length + 1, hello)).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'a body length beyond what was sealed',
    '§6.3',
    sealInner(0, hello, concat(u32(hello.length), u32(hello.length + 1), hello)).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'padding with a byte that is not zero',
    '§6.3',
    sealInner(0, hello, concat(sealedPlaintext(hello.length, hello), Uint8Array.of(0, 1, 0))).frame,
  ),
];

const zstd = [
  fails('FORMAT_INVALID', 'codec zstd over bytes that are no frame', '§5.4', sealZstd(hello, hello).frame),
  fails(
    'FORMAT_INVALID',
    'a frame without content size',
    '§5.4',
    sealZstd(hello, frameOf([raw(hello)], { contentSize: null, window: 0 })).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'a content size larger than the plaintext length',
    '§5.4',
    sealZstd(hello, frameOf([raw(hello)], { contentSize: hello.length + 1 })).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'a content size smaller than the plaintext length',
    '§5.4',
    sealZstd(hello, frameOf([raw(hello)], { contentSize: hello.length - 1 })).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'an honest size and blocks that give 1 MiB',
    '§5.4',
    sealZstd(
      hello,
      frameOf(
        Array.from({ length: 8 }, () => rle(128 * 1024)),
        { contentSize: hello.length },
      ),
    ).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'an honest size and blocks that give less',
    '§5.4',
    sealZstd(hello, frameOf([raw(withoutEnd(hello, 1))], { contentSize: hello.length })).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'a dictionary id',
    '§5.4',
    sealZstd(hello, frameOf([raw(hello)], { contentSize: hello.length, dictionary: 7 })).frame,
  ),
  fails(
    'LIMIT_EXCEEDED',
    'a window of 32 MiB',
    '§5.4',
    sealZstd(hello, frameOf([raw(hello)], { contentSize: hello.length, window: 15 << 3 })).frame,
  ),
  fails(
    'LIMIT_EXCEEDED',
    'a window an eighth larger than 16 MiB',
    '§5.4',
    sealZstd(hello, frameOf([raw(hello)], { contentSize: hello.length, window: (14 << 3) | 1 })).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'two frames',
    '§5.4',
    sealZstd(hello, concat(honest(hello), honest(zeros(0)))).frame,
  ),
  fails('FORMAT_INVALID', 'a byte after the frame', '§5.4', sealZstd(hello, append(honest(hello), 0)).frame),
  fails(
    'FORMAT_INVALID',
    'a skippable frame before the frame',
    '§5.4',
    sealZstd(hello, concat(Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0), honest(hello))).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'a block that claims to go beyond the body',
    '§5.4',
    sealZstd(
      hello,
      frameOf([{ type: 'raw', bytes: hello, declared: hello.length + 1 }], { contentSize: hello.length }),
    ).frame,
  ),
  fails(
    'FORMAT_INVALID',
    'a frame that is cut off inside its header',
    '§5.4',
    sealZstd(hello, honest(hello).slice(0, 6)).frame,
  ),
];

const sealing = { ...secrets, kind: 1, epoch: 1, salt, nonce: nonce(1, 0) };

export const blobFile: DraftFile = {
  name: 'blob.json',
  spec: 'spec/format.md#6-blob',
  header: ['Sealing with given salt and nonce; opening of frames whose SHA-256 is known to be right.'],
  groups: [
    group('openBlob', ...good, ...broken, ...tampered, ...forTwoKeys, ...inside, ...zstd),
    group(
      'sealBlob',
      valid('a stored chunk', '§6.1', { ...sealing, plaintext: hello }),
      valid('an empty chunk', '§6.1', { ...sealing, plaintext: new Uint8Array() }),
      valid('an app key', '§3.4', {
        ...sealing,
        kind: 3,
        nonce: nonce(9, 1),
        plaintext: ascii('an app key'),
      }),
    ),
  ],
};
