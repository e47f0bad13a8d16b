/** Vectors of keys.json: text forms, the key schedule, public keys, slots. */
import { bech32, bech32m } from '@scure/base';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { ascii, concat, unhex, zeros } from '../bytes.js';
import { type Cbor, decode, encode } from '../cbor.js';
import { writeVaultKey, writeVerificationKey } from '../key-text.js';
import { integer, ORDER } from '../public-key.js';
import { digestKey, slotKey, tagKey } from '../schedule.js';
import { seeded } from '../seeded.js';
import { list } from '../shape.js';
import { writeSlot } from '../slot.js';
import { type Draft, type DraftFile, group, invalid, valid } from './draft.js';
import { sealForTwoKeys } from './two-keys.js';
import { append, flip, withItem } from './verbs.js';
import { chunkerKey, dedupSecret, first, id, salt, second } from './world.js';

const vaultKey = seeded('a vault key', 32);
const vaultText = writeVaultKey(vaultKey);
const pub = first.admin.publicKey;
const pubText = writeVerificationKey(pub);
const TAIL = vaultText.slice(8);

/** Hex digits that the shape of §2.3 fits. */
const HEX_LIKE_TEXT_FORM = `fffff1${'02345678'.repeat(7)}90`;

/** The text with the character at `index` replaced by another of the alphabet. */
const typo = (text: string, index: number): string =>
  text.slice(0, index) + (text[index] === 'q' ? 'p' : 'q') + text.slice(index + 1);

/** The text with its first two unequal neighbours of the data part exchanged. */
function exchanged(): string {
  const at = Array.from(TAIL).findIndex((character, i) => character !== TAIL[i + 1]);
  return `nbakkey1${TAIL.slice(0, at)}${TAIL.slice(at + 1, at + 2)}${TAIL.slice(at, at + 1)}${TAIL.slice(at + 2)}`;
}

/** A correctly checksummed text whose four padding bits are not zero. */
function withPaddingBits(): string {
  const words = bech32m.toWords(vaultKey);
  return bech32m.encode('nbakkey', withItem(words, words.length - 1, (words[words.length - 1] ?? 0) | 1));
}

const readVaultKey = group(
  'readVaultKey',
  valid('the text form gives its 32 bytes', '§2.2', { text: vaultText }),
  valid('the vault key of epoch 1', '§2.2', { text: writeVaultKey(first.keyBytes) }),
  valid('the text form in upper case gives the same bytes', '§2.2', { text: vaultText.toUpperCase() }),
  valid('white space around the text form is ignored', '§2.3', { text: ` \t${vaultText}\r\n` }),
  valid('64 hex digits are other text, whatever they look like', '§2.3', { text: HEX_LIKE_TEXT_FORM }),
  valid('any other text is its UTF-8 bytes', '§2.1', {
    text: 'dGhpcyBpcyBhIG5vZHluIHZhdWx0IGtleSwgYmFzZTY0IQ==',
  }),
  valid('other text is not trimmed', '§2.1', { text: '  a key with spaces\t' }),
  valid('other text is not normalised', '§2.1', { text: 'schlüssel und schlu\u0308ssel' }),
  valid('69 characters that look like a key are too many to be one', '§2.3', { text: `xxxxxxxxx1x${TAIL}` }),
  valid('66 characters without a 1 at positions 6 to 10 are other text', '§2.3', { text: `xxxx1xxx${TAIL}` }),
  invalid('KEY_MISSING', 'the empty text is no vault key', '§2.1', { text: '' }),
  invalid('KEY_MALFORMED', 'white space beyond ASCII is a character', '§2.3', { text: `\u00a0${vaultText}` }),
  invalid('KEY_MALFORMED', 'one wrong character', '§2.3', { text: typo(vaultText, 20) }),
  invalid('KEY_MALFORMED', 'two characters exchanged', '§2.3', { text: exchanged() }),
  invalid('KEY_MALFORMED', 'the last character is missing', '§2.3', { text: vaultText.slice(0, -1) }),
  invalid('KEY_MALFORMED', 'a Bech32 checksum instead of Bech32m', '§2.2', {
    text: bech32.encodeFromBytes('nbakkey', vaultKey),
  }),
  invalid('KEY_MALFORMED', 'mixed case', '§2.2', { text: `NBAKKEY1${TAIL}` }),
  invalid('KEY_MALFORMED', '31 bytes', '§2.2', { text: writeVaultKey(vaultKey.subarray(1)) }),
  invalid('KEY_MALFORMED', 'padding bits that are not zero', '§2.2', { text: withPaddingBits() }),
  invalid('KEY_MALFORMED', 'the same digits with one capital', '§2.3', {
    text: `F${HEX_LIKE_TEXT_FORM.slice(1)}`,
  }),
  invalid('KEY_MALFORMED', 'text that only begins with nbak', '§2.3', { text: 'NBAK is my password' }),
  invalid('KEY_MALFORMED', 'a typo in the prefix', '§2.3', { text: `mbakkey1${TAIL}` }),
  invalid('KEY_MALFORMED', 'a first letter that was lost', '§2.3', { text: `bakkey1${TAIL}` }),
  invalid('KEY_MALFORMED', 'two letters too many in the prefix, 68 characters', '§2.3', {
    text: `xxnbakkey1${TAIL}`,
  }),
  invalid('KEY_MALFORMED', 'a verification key given as vault key', '§2.3', { text: pubText }),
);

const readVerificationKey = group(
  'readVerificationKey',
  valid('the admin key of epoch 1', '§2.5', { text: pubText }),
  valid('upper case', '§2.5', { text: pubText.toUpperCase() }),
  valid('white space around it is ignored', '§2.5', { text: `\n${pubText} ` }),
  invalid('PUBLIC_KEY_MALFORMED', 'one wrong character', '§2.5', { text: typo(pubText, 30) }),
  invalid('PUBLIC_KEY_MALFORMED', 'a vault key given as verification key', '§2.5', { text: vaultText }),
  invalid('PUBLIC_KEY_MALFORMED', '33 bytes', '§2.5', {
    text: writeVerificationKey(concat(pub, Uint8Array.of(0))),
  }),
  invalid('PUBLIC_KEY_MALFORMED', 'a point of small order in a sound text', '§4.3', {
    text: writeVerificationKey(unhex(`01${'00'.repeat(31)}`)),
  }),
);

const { Point } = ed25519;
const TORSION = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
const smallOrder = [1, 2, 3, 4, 5, 6, 7].map((times) => TORSION.multiplyUnsafe(BigInt(times)).toBytes());

const checkPublicKey = group(
  'checkPublicKey',
  valid('an ordinary key', '§4.3', { publicKey: pub }),
  valid('a key with a component of small order is none of the eight points', '§4.3', {
    publicKey: Point.fromBytes(pub).add(TORSION).toBytes(),
  }),
  invalid('PUBLIC_KEY_MALFORMED', 'the neutral element', '§4.3', { publicKey: Point.ZERO.toBytes() }),
  ...smallOrder.map((publicKey, i) =>
    invalid('PUBLIC_KEY_MALFORMED', `${i + 1} times the point of order 8`, '§4.3', { publicKey }),
  ),
  invalid('PUBLIC_KEY_MALFORMED', 'the neutral element with the sign bit', '§4.3', {
    publicKey: unhex(`01${'00'.repeat(30)}80`),
  }),
  invalid('PUBLIC_KEY_MALFORMED', 'y = 2²⁵⁵ − 19, another encoding of 0', '§4.3', {
    publicKey: unhex(`ed${'ff'.repeat(30)}7f`),
  }),
  invalid('PUBLIC_KEY_MALFORMED', 'y = 2²⁵⁵ − 18, another encoding of 1', '§4.3', {
    publicKey: unhex(`ee${'ff'.repeat(30)}7f`),
  }),
  ...(
    [
      ['the point of order 2 with the sign bit', `ec${'ff'.repeat(31)}`],
      ['y = 2²⁵⁵ − 19 with the sign bit', `ed${'ff'.repeat(31)}`],
      ['y = 2²⁵⁵ − 18 with the sign bit', `ee${'ff'.repeat(31)}`],
    ] as const
  ).map(([comment, publicKey]) =>
    invalid('PUBLIC_KEY_MALFORMED', comment, '§4.3', { publicKey: unhex(publicKey) }),
  ),
  invalid('PUBLIC_KEY_MALFORMED', 'y = 2²⁵⁵ − 16, which would be a point if reduced', '§4.3', {
    publicKey: unhex(`f0${'ff'.repeat(30)}7f`),
  }),
  invalid('PUBLIC_KEY_MALFORMED', 'y = 2, which is on no point', '§4.3', {
    publicKey: unhex(`02${'00'.repeat(31)}`),
  }),
);

const message = ascii('a message');
const signature = ed25519.sign(message, first.admin.seed);

function littleEndian32(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

/** Valid for who multiplies by the cofactor: R has a component of small order. */
function cofactoredSignature(): Uint8Array {
  const { scalar } = ed25519.utils.getExtendedPublicKey(first.admin.seed);
  const r = integer(seeded('nonce of a crafted signature', 32)) % ORDER;
  const R = Point.BASE.multiply(r).add(TORSION).toBytes();
  const k = integer(sha512(concat(R, pub, message))) % ORDER;
  return concat(R, littleEndian32((r + k * scalar) % ORDER));
}

const verifySignature = group(
  'verifySignature',
  valid('an ordinary signature', '§4.3', { publicKey: pub, message, signature }),
  valid('RFC 8032, test 1: the empty message', '§4.3', {
    publicKey: unhex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'),
    message: new Uint8Array(),
    signature: unhex(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ),
  }),
  invalid('SIGNATURE_INVALID', 'another message', '§4.3', {
    publicKey: pub,
    message: flip(message, 0),
    signature,
  }),
  invalid('SIGNATURE_INVALID', 'another key', '§4.3', {
    publicKey: second.admin.publicKey,
    message,
    signature,
  }),
  invalid('SIGNATURE_INVALID', 'S with the group order added', '§4.3', {
    publicKey: pub,
    message,
    signature: concat(signature.subarray(0, 32), littleEndian32(integer(signature.subarray(32)) + ORDER)),
  }),
  invalid('SIGNATURE_INVALID', 'a signature that only verifies when multiplied by the cofactor', '§4.3', {
    publicKey: pub,
    message,
    signature: cofactoredSignature(),
  }),
);

const schedule = [
  group(
    'epochKeys',
    valid('epoch 1 of a key of 32 bytes', '§3.2', { keyBytes: first.keyBytes, id, epoch: 1 }),
    valid('epoch 2 of the same key has other keys', '§3.2', { keyBytes: first.keyBytes, id, epoch: 2 }),
    valid('key bytes of a text of 100 bytes', '§3.2', {
      keyBytes: seeded('long text', 100),
      id,
      epoch: 4294967295,
    }),
  ),
  group(
    'checkVaultKey',
    valid('the right vault key', '§3.3', { keyBytes: first.keyBytes, id, epoch: 1, check: first.check }),
    invalid('KEY_WRONG', 'another vault key', '§3.3', {
      keyBytes: second.keyBytes,
      id,
      epoch: 1,
      check: first.check,
    }),
    invalid('KEY_WRONG', 'the right vault key under another epoch', '§3.3', {
      keyBytes: first.keyBytes,
      id,
      epoch: 2,
      check: first.check,
    }),
  ),
  group(
    'sessionSecret',
    valid('the secret of all blobs but app keys', '§3.4', { root: first.root, id, salt, class: 0 }),
    valid('the secret of app keys', '§3.4', { root: first.root, id, salt, class: 1 }),
  ),
  group('dedupKeys', valid('tag key and digest key', '§3.6', { dedupSecret, id })),
  group(
    'tagChunk',
    valid('the tag of a chunk', '§3.6', { tagKey: tagKey(dedupSecret, id), plaintext: ascii('hello') }),
    valid('the tag of an empty chunk', '§3.6', {
      tagKey: tagKey(dedupSecret, id),
      plaintext: new Uint8Array(),
    }),
  ),
  group(
    'digestFile',
    valid('a file of two pieces', '§3.7', {
      digestKey: digestKey(dedupSecret, id),
      path: ascii('etc/motd'),
      pieces: [ascii('hel'), ascii('lo')],
    }),
    valid('a file without pieces', '§10.5', {
      digestKey: digestKey(dedupSecret, id),
      path: ascii('empty'),
      pieces: [],
    }),
  ),
  group('chunkerKeys', valid('gear key, border key and the gear table', '§3.8', { chunkerKey, id })),
  group(
    'recordKey',
    valid('key and commitment of record 1', '§3.9', {
      root: first.root,
      id,
      salt: seeded('record salt 1', 32),
      epoch: 1,
    }),
  ),
  group(
    'slotKey',
    valid('key and commitment of a slot for a vault key', '§3.10', {
      slotInput: first.keyBytes,
      id,
      salt: seeded('slot salt', 32),
      epoch: 1,
      kind: 1,
    }),
  ),
];

const slotContext = { id, epoch: 1, salt: seeded('slot salt', 32) };
const slot = writeSlot({ ...slotContext, kind: 1 }, { kind: 1, keyBytes: first.keyBytes }, first.root, 0);
const passphrase = 'caf\u00e9 crème';
const passphraseSlot = writeSlot({ ...slotContext, kind: 2 }, { kind: 2, passphrase }, first.root, 17);
const byKey = { keyBytes: first.keyBytes, passphrase: null };
const byPassphrase = { keyBytes: null, passphrase };
/** A slot with one of its seven items replaced. */
const changed = (bytes: Uint8Array, index: number, item: Cbor): Uint8Array =>
  encode(withItem(list(decode(bytes)), index, item));

/** A slot whose ciphertext opens under two vault keys, each to a root of its own (A13); it commits to the first. */
const twoKeySlot = (() => {
  const context = { ...slotContext, kind: 1 };
  const keys = slotKey(first.keyBytes, context);
  const other = slotKey(second.keyBytes, context);
  const sealed = sealForTwoKeys([keys.key, other.key], zeros(12), first.root);
  return changed(slot, 6, concat(keys.commitment, sealed));
})();

const openSlot = group(
  'openSlot',
  valid('a vault key opens its slot', '§13.4', { slot, id, secret: byKey }),
  valid('a passphrase opens its slot, in whatever normal form it is typed', '§13.4', {
    slot: passphraseSlot,
    id,
    secret: { keyBytes: null, passphrase: passphrase.normalize('NFD') },
  }),
  invalid('KEY_WRONG', 'another vault key', '§13.4', {
    slot,
    id,
    secret: { keyBytes: second.keyBytes, passphrase: null },
  }),
  valid('a ciphertext that authenticates under two vault keys, with the one it commits to', '§13.4', {
    slot: twoKeySlot,
    id,
    secret: byKey,
  }),
  invalid('KEY_WRONG', 'the same, with the other', '§13.4', {
    slot: twoKeySlot,
    id,
    secret: { keyBytes: second.keyBytes, passphrase: null },
  }),
  invalid('KEY_WRONG', 'a slot of an unknown kind is skipped', '§13.4', {
    slot: changed(slot, 3, 3),
    id,
    secret: byKey,
  }),
  invalid('BLOB_TAMPERED', 'a flipped bit behind the right commitment', '§13.4', {
    slot: flip(slot, -20),
    id,
    secret: byKey,
  }),
  invalid('KEY_WRONG', 'the slot claims another epoch', '§3.10', {
    slot: changed(slot, 2, 2),
    id,
    secret: byKey,
  }),
  invalid('LIMIT_EXCEEDED', 'logN 21 is refused before any work', '§13.4', {
    slot: changed(passphraseSlot, 4, [21]),
    id,
    secret: byPassphrase,
  }),
  invalid('FORMAT_INVALID', 'logN 16 is too cheap', '§13.4', {
    slot: changed(passphraseSlot, 4, [16]),
    id,
    secret: byPassphrase,
  }),
  invalid('FORMAT_INVALID', 'a slot for a vault key has no parameters', '§13.4', {
    slot: changed(slot, 4, [17]),
    id,
    secret: byKey,
  }),
);

const reread = (error: Draft['error'] & string, comment: string, bytes: Uint8Array): Draft =>
  invalid(error, comment, '§13.4', { slot: bytes });
const readSlot = group(
  'readSlot',
  valid('a slot for a vault key', '§13.4', { slot }),
  valid('a slot for a passphrase', '§13.4', { slot: passphraseSlot }),
  valid('a slot of an unknown kind with parameters of its own', '§13.4', {
    slot: changed(changed(slot, 3, 3), 4, [1, 2, 3]),
  }),
  reread('FORMAT_NEWER', 'a slot of version 3', changed(slot, 0, 'nbak/v3/slot')),
  reread('FORMAT_INVALID', 'epoch 0', changed(slot, 2, 0)),
  reread('FORMAT_INVALID', 'parameters where there are none', changed(slot, 4, [17])),
  reread('FORMAT_INVALID', 'logN 16', changed(passphraseSlot, 4, [16])),
  reread('LIMIT_EXCEEDED', 'logN 21', changed(passphraseSlot, 4, [21])),
  reread('FORMAT_INVALID', 'a sealed root of 79 bytes', changed(slot, 6, zeros(79))),
  reread('FORMAT_INVALID', 'a byte after it', append(slot, 0)),
);

const markChunk = group(
  'markChunk',
  valid('the mark of a chunk', '§3.12', { dedupSecret, id, plaintext: ascii('hello') }),
  valid('the mark of a chunk of several blocks', '§3.12', { dedupSecret, id, plaintext: zeros(100) }),
  valid('zeros count: one more byte is another mark', '§3.12', { dedupSecret, id, plaintext: zeros(101) }),
  valid('the mark of an empty chunk', '§3.12', { dedupSecret, id, plaintext: new Uint8Array() }),
);

export const keysFile: DraftFile = {
  name: 'keys.json',
  spec: 'spec/crypto.md',
  header: ['Text forms of keys, the key schedule, public keys that enter, signatures, key slots.'],
  groups: [
    readVaultKey,
    group('writeVaultKey', valid('the text form of 32 bytes', '§2.2', { key: vaultKey })),
    readVerificationKey,
    group('writeVerificationKey', valid('the text form of an admin key', '§2.5', { key: pub })),
    checkPublicKey,
    verifySignature,
    ...schedule,
    readSlot,
    openSlot,
    markChunk,
  ],
};
