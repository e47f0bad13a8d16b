/** What each type of test group does: how its input is read, and which question it asks an implementation. */
import { NbakError } from '#nbak/errors.js';
import { ascii, concat, zeros } from '../reference/bytes.js';
import type { SmallFile } from '../reference/cut.js';
import { hash } from '../reference/schedule.js';
import { bigSeeded } from '../reference/seeded.js';
import type { VectorAdapter } from './adapter.js';
import {
  bytes,
  type Json,
  listOf,
  nullable,
  number,
  oneOf,
  type Reader,
  record,
  text,
  toJson,
} from './json.js';
import type { SlotSecret } from '../reference/slot.js';

/** Asks `adapter` the question of one vector; gives the JSON form of the answer. */
export type Operation = (adapter: VectorAdapter, input: Json) => Promise<Json>;

function operation<T>(reader: Reader<T>, ask: (adapter: VectorAdapter, input: T) => unknown): Operation {
  return async (adapter, input) => toJson(await ask(adapter, reader(input, 'input')));
}

const signer = record({ role: oneOf('backup', 'admin'), epoch: number, publicKey: bytes });
const signedFields = { object: bytes, name: bytes, id: bytes, signers: listOf(signer) };
const signed = record(signedFields);
const secrets = { id: bytes, root: bytes, dedupSecret: bytes };
const node = record({ digest: bytes, sequence: number, parents: listOf(bytes) });

/** Big inputs: parts of `length` bytes each, zero or seeded (`bigSeeded`), one after the other. */
const generated: Reader<Uint8Array> = (json, where) => {
  const parts = listOf(record({ seed: nullable(text), length: number }))(json, where);
  return concat(
    ...parts.map(({ seed, length }) => (seed === null ? zeros(length) : bigSeeded(seed, length))),
  );
};

const slotSecret: Reader<SlotSecret> = (json, where) => {
  const fields = record({ keyBytes: nullable(bytes), passphrase: nullable(text) })(json, where);
  if (fields.keyBytes !== null) return { kind: 1, keyBytes: fields.keyBytes };
  if (fields.passphrase !== null) return { kind: 2, passphrase: fields.passphrase };
  throw new TypeError(`${where}: neither key bytes nor a passphrase`);
};

/** The file at position `i` of a bundle vector is called `dir/file-` and `i` in five digits. */
const smallFile = (length: number, i: number): SmallFile => ({
  path: ascii(`dir/file-${String(i).padStart(5, '0')}`),
  length,
});

const era = oneOf('nodyn', 'lynox');

const summary = (plaintext: Uint8Array): { length: number; sha256: Uint8Array } => ({
  length: plaintext.length,
  sha256: hash(plaintext),
});

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  readVaultKey: operation(record({ text }), async (adapter, input) => ({
    keyBytes: await adapter.readVaultKey(input.text),
  })),
  writeVaultKey: operation(record({ key: bytes }), async (adapter, input) => ({
    text: await adapter.writeVaultKey(input.key),
  })),
  readVerificationKey: operation(record({ text }), async (adapter, input) => ({
    publicKey: await adapter.readVerificationKey(input.text),
  })),
  writeVerificationKey: operation(record({ key: bytes }), async (adapter, input) => ({
    text: await adapter.writeVerificationKey(input.key),
  })),
  checkPublicKey: operation(record({ publicKey: bytes }), (adapter, input) =>
    adapter.checkPublicKey(input.publicKey),
  ),
  verifySignature: operation(
    record({ publicKey: bytes, message: bytes, signature: bytes }),
    async (adapter, input) => {
      if (!(await adapter.verifySignature(input)))
        throw new NbakError('SIGNATURE_INVALID', 'does not verify');
    },
  ),
  epochKeys: operation(record({ keyBytes: bytes, id: bytes, epoch: number }), (adapter, input) =>
    adapter.epochKeys(input),
  ),
  checkVaultKey: operation(
    record({ keyBytes: bytes, id: bytes, epoch: number, check: bytes }),
    (adapter, input) => adapter.checkVaultKey(input),
  ),
  sessionSecret: operation(
    record({ root: bytes, id: bytes, salt: bytes, class: number }),
    async (adapter, input) => ({
      secret: await adapter.sessionSecret(input),
    }),
  ),
  dedupKeys: operation(record({ dedupSecret: bytes, id: bytes }), (adapter, input) =>
    adapter.dedupKeys(input),
  ),
  tagChunk: operation(record({ tagKey: bytes, plaintext: bytes }), async (adapter, input) => ({
    tag: await adapter.tagChunk(input),
  })),
  digestFile: operation(record({ digestKey: bytes, path: bytes, pieces: listOf(bytes) }), (adapter, input) =>
    adapter.digestFile(input),
  ),
  markChunk: operation(record({ dedupSecret: bytes, id: bytes, plaintext: bytes }), (adapter, input) =>
    adapter.markChunk(input),
  ),
  chunkerKeys: operation(record({ chunkerKey: bytes, id: bytes }), (adapter, input) =>
    adapter.chunkerKeys(input),
  ),
  recordKey: operation(record({ root: bytes, id: bytes, salt: bytes, epoch: number }), (adapter, input) =>
    adapter.recordKey(input),
  ),
  slotKey: operation(
    record({ slotInput: bytes, id: bytes, salt: bytes, epoch: number, kind: number }),
    (adapter, input) => adapter.slotKey(input),
  ),
  readSlot: operation(record({ slot: bytes }), (adapter, input) => adapter.readSlot(input.slot)),
  openSlot: operation(record({ slot: bytes, id: bytes, secret: slotSecret }), (adapter, input) =>
    adapter.openSlot(input),
  ),

  sealFernet: operation(
    record({ key: text, plaintext: text, time: number, iv: bytes }),
    async (adapter, input) => ({ token: await adapter.sealFernet(input) }),
  ),
  openFernet: operation(record({ key: text, token: text }), (adapter, input) => adapter.openFernet(input)),

  sealBlob: operation(
    record({ ...secrets, kind: number, epoch: number, salt: bytes, nonce: bytes, plaintext: bytes }),
    async (adapter, input) => ({ frame: await adapter.sealBlob(input) }),
  ),
  openBlob: operation(record({ ...secrets, frame: bytes }), async (adapter, input) =>
    summary(await adapter.openBlob(input)),
  ),
  writeBundle: operation(record({ slices: listOf(bytes) }), async (adapter, input) => ({
    plaintext: await adapter.writeBundle(input.slices),
  })),
  readBundle: operation(record({ plaintext: bytes }), async (adapter, input) => ({
    slices: await adapter.readBundle(input.plaintext),
  })),

  readPack: operation(signed, (adapter, input) => adapter.readPack(input)),
  readIndex: operation(signed, async (adapter, input) => ({ packs: await adapter.readIndex(input) })),
  readPage: operation(record({ object: bytes, name: bytes }), (adapter, input) => adapter.readPage(input)),
  openSealedPage: operation(
    record({ ...secrets, object: bytes, name: bytes, frame: bytes }),
    (adapter, input) => adapter.openSealedPage(input),
  ),
  readManifest: operation(record({ ...signedFields, names: number }), (adapter, input) =>
    adapter.readManifest(input),
  ),
  readDetail: operation(record({ plaintext: bytes }), (adapter, input) =>
    adapter.readDetail(input.plaintext),
  ),
  readTombstone: operation(signed, (adapter, input) => adapter.readTombstone(input)),
  checkHistory: operation(
    record({ manifests: listOf(node), forgotten: listOf(node), remembered: listOf(bytes) }),
    async (adapter, input) => ({ heads: await adapter.checkHistory(input) }),
  ),

  readRepositoryObject: operation(record({ object: bytes }), (adapter, input) =>
    adapter.readRepositoryObject(input.object),
  ),
  introduceKeys: operation(
    record({ repository: bytes, records: listOf(record({ name: text, bytes })), pinned: bytes }),
    (adapter, input) => adapter.introduceKeys(input),
  ),
  openRecord: operation(record({ object: bytes, id: bytes, root: bytes }), (adapter, input) =>
    adapter.openRecord(input),
  ),

  decodeCbor: operation(record({ bytes }), async (adapter, input) => ({
    value: await adapter.decodeCbor(input.bytes),
  })),
  checkPath: operation(record({ path: bytes }), (adapter, input) => adapter.checkPath(input.path)),
  comparePaths: operation(record({ a: bytes, b: bytes }), async (adapter, input) => ({
    order: Math.sign(await adapter.comparePaths(input)),
  })),
  checkEntryOrder: operation(
    record({ entries: listOf(record({ path: bytes, kind: number })) }),
    (adapter, input) => adapter.checkEntryOrder(input.entries),
  ),
  cutFile: operation(record({ chunkerKey: bytes, id: bytes, data: generated }), async (adapter, input) => ({
    lengths: await adapter.cutFile(input),
  })),
  cutBundles: operation(
    record({ chunkerKey: bytes, id: bytes, lengths: listOf(number) }),
    async (adapter, { lengths, ...keys }) => ({
      counts: await adapter.cutBundles({ ...keys, files: lengths.map(smallFile) }),
    }),
  ),

  sealV1File: operation(
    record({ vaultKey: text, era, iv: bytes, plaintext: bytes }),
    async (adapter, input) => ({
      file: await adapter.sealV1File(input),
    }),
  ),
  openV1File: operation(record({ vaultKey: text, era, file: bytes }), async (adapter, input) => ({
    plaintext: await adapter.openV1File(input),
  })),
  nameV1Backup: operation(record({ time: number }), async (adapter, input) => ({
    name: await adapter.nameV1Backup(input.time),
  })),
  readV1Backup: operation(
    record({
      vaultKey: nullable(text),
      manifest: bytes,
      files: listOf(record({ path: text, bytes })),
    }),
    (adapter, input) => adapter.readV1Backup(input),
  ),
};
