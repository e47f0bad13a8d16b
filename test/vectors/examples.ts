/** The text of spec/examples.md, every value taken from a vector or computed by the reference codec from one. */
import { ascii, concat, equal, u32 } from '../reference/bytes.js';
import { hash, sessionSecret, tagKey } from '../reference/schedule.js';
import { fingerprint, readEnvelope, signedBytes } from '../reference/signature.js';
import { LIMITS } from '../reference/limits.js';
import { annotateCbor, hexLines } from './annotate.js';
import { bytes, type Json, object, text } from './json.js';
import { loadVectorFile, type Vector } from './load.js';

/** The one vector of a file that has this type and comment. */
function vectorOf(file: string, type: string, comment: string): Vector {
  const groups = loadVectorFile(file).testGroups.filter((group) => group.type === type);
  const found = groups.flatMap((group) => group.tests).find((vector) => vector.comment === comment);
  if (found === undefined) throw new TypeError(`${file} has no ${type}: ${comment}`);
  return found;
}

const fieldOf = (json: Json, name: string): Uint8Array => bytes(object(json, 'vector')[name], name);

/** A block of named values. */
function values(...rows: readonly (readonly [name: string, value: Uint8Array | string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  const indent = ' '.repeat(width + 2);
  const lines = rows.flatMap(([name, value]) => {
    const parts = typeof value === 'string' ? [value] : hexLines(value);
    return (parts.length === 0 ? ['(nothing)'] : parts).map(
      (part, i) => `${i === 0 ? name.padEnd(width + 2) : indent}${part}`,
    );
  });
  return ['```', ...lines, '```', ''];
}

const cbor = (item: Uint8Array): string[] => ['```', ...annotateCbor(item), '```', ''];

function keyExample(): string[] {
  const read = vectorOf('keys.json', 'readVaultKey', 'the vault key of epoch 1');
  const keys = vectorOf('keys.json', 'epochKeys', 'epoch 1 of a key of 32 bytes');
  const pub = vectorOf('keys.json', 'writeVerificationKey', 'the text form of an admin key');
  const keyBytes = fieldOf(read.output, 'keyBytes');
  if (!equal(keyBytes, fieldOf(keys.input, 'keyBytes'))) throw new TypeError('two vault keys');
  const out = (name: string): Uint8Array => fieldOf(keys.output, name);
  return [
    '## 1. From a vault key to public keys (§2, §3)',
    '',
    ...values(
      ['vault key', text(object(read.input, 'input')['text'], 'text')],
      ['key bytes', keyBytes],
      ['repository id', fieldOf(keys.input, 'id')],
      ['epoch', '1'],
      ['root', out('root')],
      ['key check', out('check')],
      ['backup seed', out('backupSeed')],
      ['backup public key', out('backupPublicKey')],
      ['its fingerprint', fingerprint(out('backupPublicKey'))],
      ['admin seed', out('adminSeed')],
      ['admin public key', out('adminPublicKey')],
      ['its fingerprint', fingerprint(out('adminPublicKey'))],
      ['verification key', text(object(pub.output, 'output')['text'], 'text')],
    ),
  ];
}

function blobExample(): string[] {
  const vector = vectorOf('blob.json', 'openBlob', 'a stored chunk');
  const [id, root, dedupSecret, frame] = ['id', 'root', 'dedupSecret', 'frame'].map((name) =>
    fieldOf(vector.input, name),
  ) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const plaintext = fieldOf(vector.intermediate, 'plaintext');
  const part = (from: number, to?: number): Uint8Array => frame.subarray(from, to);
  return [
    '## 2. A blob (§6)',
    '',
    `The chunk \`${new TextDecoder().decode(plaintext)}\`, stored, kind 1, lane 1, counter 0.`,
    '',
    ...values(
      ['plaintext', plaintext],
      ['h', hash(plaintext)],
      ['dedup secret 1', dedupSecret],
      ['tag key', tagKey(dedupSecret, id)],
      ['tag', part(40, 72)],
      ['session salt', part(12, 28)],
      ['session secret', sessionSecret(root, id, part(12, 28), 0)],
      ['sealed plaintext', concat(u32(plaintext.length), u32(plaintext.length), plaintext)],
    ),
    'Header:',
    '',
    ...values(
      ['magic', part(0, 4)],
      ['version', part(4, 5)],
      ['suite', part(5, 6)],
      ['codec', part(6, 7)],
      ['kind', part(7, 8)],
      ['epoch', part(8, 12)],
      ['session salt', part(12, 28)],
      ['nonce', part(28, 40)],
      ['tag', part(40, 72)],
      ['sealed length', part(72, 76)],
    ),
    '`Expand(session secret, "nbak/v2/blob" ‖ header, 64)`:',
    '',
    ...values(['key', fieldOf(vector.intermediate, 'key')], ['commitment', part(76, 108)]),
    'Frame, and its SHA-256, the id:',
    '',
    ...values(
      ['header', part(0, 76)],
      ['commitment', part(76, 108)],
      ['ciphertext', part(108, frame.length - 16)],
      ['authentication tag', part(frame.length - 16)],
      ['id', hash(frame)],
    ),
  ];
}

/** An envelope taken apart, as far as it is signed. */
function envelopeExample(stored: Uint8Array, id: Uint8Array, publicKey: Uint8Array): string[] {
  const envelope = readEnvelope(stored, LIMITS.footerBytes);
  return [
    'The signed bytes, `["Signature1", protected, external_aad, payload]`:',
    '',
    ...values(['', signedBytes(envelope.type, id, publicKey, envelope.payload)]),
    'The stored bytes, and their SHA-256, the name:',
    '',
    ...cbor(stored),
    ...values(['name', hash(stored)]),
  ];
}

const backupKey = (): Uint8Array =>
  fieldOf(vectorOf('keys.json', 'epochKeys', 'epoch 1 of a key of 32 bytes').output, 'backupPublicKey');

function footerExample(): string[] {
  const vector = vectorOf('pack.json', 'readPack', 'three blobs');
  const footer = fieldOf(vector.intermediate, 'footer');
  return [
    '## 3. The footer of a pack (§8)',
    '',
    'Three blobs, the last of kind 3. Payload:',
    '',
    ...cbor(fieldOf(vector.intermediate, 'payload')),
    ...envelopeExample(footer, fieldOf(vector.input, 'id'), backupKey()),
    'The trailer of the pack:',
    '',
    ...values(['', concat(u32(footer.length), ascii('NBKF'))]),
  ];
}

function pageExample(): string[] {
  const vector = vectorOf('page.json', 'readPage', 'a directory and a file');
  const stored = fieldOf(vector.input, 'object');
  return [
    '## 4. A page (§10)',
    '',
    'A root and one file of 5000 bytes in the blob of row 0. Head of §5.3, then the raw bytes:',
    '',
    ...values(['', stored.subarray(0, 10)]),
    ...cbor(stored.subarray(10)),
    ...values(['name', hash(stored)]),
  ];
}

function manifestExample(): string[] {
  const vector = vectorOf('manifest.json', 'readManifest', 'the first backup of a repository');
  return [
    '## 5. A manifest (§11)',
    '',
    'Payload:',
    '',
    ...cbor(fieldOf(vector.intermediate, 'payload')),
    ...envelopeExample(fieldOf(vector.input, 'object'), fieldOf(vector.input, 'id'), backupKey()),
  ];
}

/** The whole page. */
export function renderExamples(): string {
  const lines = [
    '# Examples',
    '',
    'Worked examples in hex, all of one repository. They are informative, and taken from the vectors in',
    '`fixtures/vectors/` by `test/vectors/examples.ts`; a test compares. `#` explains the CBOR on its left.',
    '',
    ...keyExample(),
    ...blobExample(),
    ...footerExample(),
    ...pageExample(),
    ...manifestExample(),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
