/** The program's own code behind the interface of the vectors. */
import { cutLength, gearTable } from '#nbak/chunking/gear.js';
import { Fernet, parseAppKey } from '#nbak/crypto/fernet.js';
import type { CryptoProvider } from '#nbak/crypto/provider.js';
import { assertAcceptablePublicKey } from '#nbak/crypto/public-key.js';
import { NbakError } from '#nbak/errors.js';
import { BLOB_KINDS, type BlobKind } from '#nbak/format/blob.js';
import { decodeBundle, encodeBundle } from '#nbak/format/bundle.js';
import { readU32, toHex } from '#nbak/format/bytes.js';
import { decodeCbor } from '#nbak/format/cbor.js';
import { decodeEnvelope, SIGNED_TYPES } from '#nbak/format/cose.js';
import { ENTRY_KINDS } from '#nbak/format/entry.js';
import { EntryOrder } from '#nbak/format/entry-order.js';
import { decodeEpochRecord } from '#nbak/format/epoch-record.js';
import { idFromBytes, idToBytes, type BackupId, type PackId, type PageId } from '#nbak/format/ids.js';
import { decodeIndex } from '#nbak/format/index-object.js';
import { LIMITS } from '#nbak/format/limits.js';
import { decodeDetail } from '#nbak/format/manifest.js';
import { decodeKeySlot } from '#nbak/format/notes.js';
import { assertSafePath, comparePaths, pathFromBytes } from '#nbak/format/path.js';
import { v1DirectoryName } from '#nbak/format/v1/name.js';
import { openFrame } from '#nbak/repository/blob-engine.js';
import {
  BlobOpener,
  BlobSealer,
  MOST_FRAME_OVERHEAD,
  type BlobSecrets,
} from '#nbak/repository/blob-crypto.js';
import { unpackObject } from '#nbak/repository/compressed-io.js';
import { headsOf, readBackup, readTombstone, type Backup } from '#nbak/repository/manifests.js';
import { indexName, manifestName, packName, pageName } from '#nbak/repository/object-names.js';
import { openWithPublicKey, verifyRepositoryObject, type Repository } from '#nbak/repository/open.js';
import { checkPack, verifyFooter } from '#nbak/repository/pack-reader.js';
import { createPackChecker } from '#nbak/repository/workers/pack-checker.js';
import { PageReader, sealedPageOf } from '#nbak/repository/pages.js';
import { readHashed } from '#nbak/repository/read-object.js';
import { memoryStorage } from '#nbak/storage/memory.js';
import { parseObjectName, type ObjectName } from '#nbak/storage/storage.js';
import { isRootOf, openSeal, rootOf } from '#nbak/vault/epoch.js';
import { keySchedule } from '#nbak/vault/key-schedule.js';
import { KeyRing } from '#nbak/vault/signing.js';
import { formatVaultKey, parseVaultKey } from '#nbak/vault/vault-key.js';
import { formatVerificationKey, parseVerificationKey } from '#nbak/vault/verification-key.js';
import { checkHistory } from '#nbak/verify/history.js';
import type { Node } from '../reference/history.js';
import type { SecretsInput, SignedInput, VectorAdapter } from './adapter.js';
import * as answers from './production-answers.js';
import { contentDigest, countBundles } from './production-writers.js';
import * as v1 from './production-v1.js';

/**
 * What the program does not do in this version. An operation, or one vector of it as `operation: comment`.
 * Everything else must agree with the reference codec.
 */
const WITHOUT: readonly string[] = [
  // Key slots are read by verify and opened by nobody: recovery is a later chapter.
  'slotKey',
  'openSlot',
  // Epochs above 1: this version rotates nothing, follows no succession, and refuses to go on behind one.
  'openRecord: record 2 carries the old dedup secret and the old root',
  'introduceKeys: pinned to the first of three epochs',
  'introduceKeys: pinned to the second of three epochs',
  'introduceKeys: pinned to the last of three epochs',
  'introduceKeys: records are found in whatever order they are listed',
  'introduceKeys: of two successors the pinned one counts',
  'introduceKeys: a record 2 that continues another record 1 counts for nothing',
  'introduceKeys: two successors of the pinned epoch',
  'introduceKeys: record 1 under the number 2',
  'introduceKeys: record 2 without a succession',
  'introduceKeys: record 2 without a closing',
  'introduceKeys: a closing that is not ascending',
];

const blobSecrets = (input: SecretsInput, epoch: number): BlobSecrets => ({
  repository: idFromBytes(input.id),
  epoch,
  root: input.root,
  dedup: [{ number: 1, secret: input.dedupSecret }],
});

/** The epoch that a frame names: the vectors give the root of that epoch. */
const epochOf = (frame: Uint8Array): number => (frame.length < 12 ? 1 : readU32(frame, 8));

/** A repository that holds one object and knows the vector's keys. */
async function repositoryOf(
  crypto: CryptoProvider,
  input: Pick<SignedInput, 'object' | 'id' | 'signers'> & { readonly names?: number },
  name: ObjectName,
): Promise<Repository> {
  const storage = memoryStorage();
  await storage.put(name, input.object);
  const id = idFromBytes<Repository['id']>(input.id);
  return {
    crypto,
    storage,
    id,
    names: input.names === 1 ? 'sealed' : 'plain',
    created: 0,
    epoch: Math.max(1, ...input.signers.map(({ epoch }) => epoch)),
    verificationKey: new Uint8Array(32),
    keyRing: new KeyRing(crypto, id, input.signers),
  };
}

const backupOf = ({ digest, sequence, parents }: Node): Backup => ({
  id: idFromBytes(digest),
  manifest: {
    id: digest.subarray(0, 16),
    repository: idFromBytes(new Uint8Array(16)),
    epoch: 1,
    time: 0,
    signedAt: 0,
    parents: parents.map((parent) => idFromBytes<BackupId>(parent)),
    sequence,
    purpose: 'ordinary',
    dedup: 1,
    totals: { files: 0, directories: 0, others: 0, bytes: 0 },
    pages: [],
    detail: { id: idFromBytes(digest), length: 132 },
  },
});

/** The program on one crypto provider. */
export const productionAdapter = (name: string, crypto: CryptoProvider): VectorAdapter => {
  const scheduleOf = (id: Uint8Array): ReturnType<typeof keySchedule> => keySchedule(crypto, idFromBytes(id));
  const fernetOf = (text: string): Fernet => {
    const key = parseAppKey(text);
    if (key === undefined) throw new NbakError('APP_KEY_MALFORMED', 'not an app key');
    return new Fernet(crypto, key);
  };
  const page = async (input: { object: Uint8Array; name: Uint8Array; id?: Uint8Array }) => {
    const id = idFromBytes<PageId>(input.name);
    const repository = await repositoryOf(
      crypto,
      { object: input.object, id: input.id ?? new Uint8Array(16), signers: [] },
      pageName(id),
    );
    return { id, page: await new PageReader(repository).stored(id) };
  };

  return {
    name,
    without: WITHOUT,

    readVaultKey: parseVaultKey,
    writeVaultKey: formatVaultKey,
    readVerificationKey: parseVerificationKey,
    writeVerificationKey: formatVerificationKey,
    checkPublicKey: assertAcceptablePublicKey,
    verifySignature: ({ publicKey, signature, message }) =>
      crypto.ed25519Verify(publicKey, signature, message),
    epochKeys({ keyBytes, id, epoch }) {
      const schedule = scheduleOf(id);
      const root = schedule.root(keyBytes, epoch);
      const backupSeed = schedule.signingSeed(root, 'backup', epoch);
      const adminSeed = schedule.signingSeed(root, 'admin', epoch);
      return {
        root,
        check: schedule.keyCheck(root, epoch),
        backupSeed,
        backupPublicKey: crypto.ed25519PublicKey(backupSeed),
        adminSeed,
        adminPublicKey: crypto.ed25519PublicKey(adminSeed),
      };
    },
    checkVaultKey({ keyBytes, id, epoch, check }) {
      const root = rootOf(crypto, { epoch, repository: idFromBytes(id), check }, keyBytes);
      if (root === undefined) throw new NbakError('KEY_WRONG', 'the key check differs');
    },
    sessionSecret: ({ root, id, salt, class: sessionClass }) =>
      scheduleOf(id).sessionSecret(root, salt, sessionClass === 1 ? BLOB_KINDS.appKey : BLOB_KINDS.data),
    dedupKeys: ({ dedupSecret, id }) => ({
      tagKey: scheduleOf(id).tagKey(dedupSecret),
      digestKey: scheduleOf(id).digestKey(dedupSecret),
    }),
    tagChunk: ({ tagKey, plaintext }) => crypto.hmacSha256(tagKey, crypto.sha256(plaintext)),
    digestFile: (input) => contentDigest(crypto, input),
    markChunk({ dedupSecret, id, plaintext }) {
      const markKey = scheduleOf(id).markKey(dedupSecret);
      return { markKey, mark: crypto.gmac(markKey, plaintext) };
    },
    chunkerKeys({ chunkerKey, id }) {
      const schedule = scheduleOf(id);
      return {
        gearKey: schedule.gearKey(chunkerKey),
        borderKey: schedule.borderKey(chunkerKey),
        words: Array.from(gearTable(schedule.gearBytes(chunkerKey)), (word) => word >>> 0),
      };
    },
    recordKey: ({ root, id, salt, epoch }) => scheduleOf(id).recordKey(root, salt, epoch),
    slotKey: () => notOffered(),
    readSlot(slot) {
      const { repository, epoch, kind } = decodeKeySlot(slot);
      return { id: idToBytes(repository), epoch, kind };
    },
    openSlot: () => notOffered(),

    sealFernet: ({ key, plaintext, time, iv }) =>
      fernetOf(key).seal(new TextEncoder().encode(plaintext), { time: BigInt(time), iv }),
    openFernet({ key, token }) {
      const content = fernetOf(key).open(token);
      if (content === undefined) throw new NbakError('TOKEN_DEAD', 'the token does not open');
      return { time: Number(content.time), plaintext: new TextDecoder().decode(content.plaintext) };
    },

    sealBlob({ kind, epoch, salt, nonce, plaintext, ...secrets }) {
      const place = { session: salt, lane: readU32(nonce, 0) };
      const sealer = new BlobSealer(crypto, blobSecrets(secrets, epoch), place);
      const tag = sealer.tagOf(crypto.sha256(plaintext));
      const target = new Uint8Array(plaintext.length + MOST_FRAME_OVERHEAD);
      // A lane counts its blobs (§6.5): earlier ones bring the counter to that of the vector.
      for (let counter = readU32(nonce, 8); counter > 0; counter -= 1)
        sealer.seal(kind as BlobKind, plaintext, tag, target);
      return sealer.seal(kind as BlobKind, plaintext, tag, target);
    },
    openBlob: ({ frame, ...secrets }) =>
      new BlobOpener(crypto, blobSecrets(secrets, epochOf(frame))).open(frame, 1).plaintext,
    writeBundle: encodeBundle,
    readBundle: (plaintext) => [...decodeBundle(plaintext)],

    async readPack(input) {
      const id = idFromBytes<PackId>(input.name);
      const repository = await repositoryOf(crypto, input, packName(id));
      const pack = { id, size: input.object.length };
      const { footer, damaged } = await checkPack(repository, createPackChecker(0), pack);
      for (const { error } of damaged) throw error;
      return answers.footer(footer);
    },
    async readIndex(input) {
      const name = indexName(toHex(input.name));
      const repository = await repositoryOf(crypto, input, name);
      const bytes = await readHashed(repository, name, LIMITS.indexRawBytes);
      const footers = decodeIndex(unpackObject('NBKI', bytes, LIMITS.indexRawBytes, name));
      return footers.map((signedFooter) => {
        const id = idFromBytes<PackId>(crypto.sha256(signedFooter));
        const { footer, size } = verifyFooter(repository, id, signedFooter);
        return { name: idToBytes(id), size, footer: answers.footer(footer) };
      });
    },
    readPage: async (input) => answers.page((await page(input)).page),
    async openSealedPage({ object, name: hash, frame, ...secrets }) {
      const { id, page: open } = await page({ object, name: hash, id: secrets.id });
      if (open.type !== 'public') throw new NbakError('REFERENCE_TAMPERED', 'not a public page');
      const opener = new BlobOpener(crypto, blobSecrets(secrets, epochOf(frame)));
      const opened = openFrame(crypto, opener, frame, { expected: open.sealed.id, dedup: 1 });
      if ('error' in opened) throw new NbakError(opened.error.code, opened.error.message);
      return answers.page(sealedPageOf(id, open, opened));
    },
    async readManifest(input) {
      const id = idFromBytes<BackupId>(input.name);
      return answers.manifest(await readBackup(await repositoryOf(crypto, input, manifestName(id)), id));
    },
    readDetail: (plaintext) => answers.detail(decodeDetail(plaintext)),
    async readTombstone(input) {
      const name = parseObjectName(`history/${toHex(input.name)}`);
      return answers.tombstone(await readTombstone(await repositoryOf(crypto, input, name), name));
    },
    checkHistory({ manifests, forgotten, remembered }) {
      const backups = manifests.map(backupOf);
      const tombstones = forgotten.map(({ digest, sequence, parents }) => ({
        digest: idFromBytes<BackupId>(digest),
        sequence,
        parents: parents.map((parent) => idFromBytes<BackupId>(parent)),
        successor: undefined,
      }));
      const [problem] = checkHistory({
        backups,
        tombstones,
        unreadable: [],
        remembered: remembered.map((head) => ({ id: idFromBytes<BackupId>(head), sequence: 0 })),
        remember: () => undefined,
        maxAgeMs: undefined,
        now: 0,
      });
      if (problem !== undefined) throw new NbakError(problem.code, problem.message);
      return headsOf(backups, tombstones).map(({ id }) => idToBytes(id));
    },

    readRepositoryObject: (object) => answers.repositoryObject(verifyRepositoryObject(crypto, object)),
    async introduceKeys({ repository, records, pinned }) {
      const storage = memoryStorage();
      await storage.put(parseObjectName('repository'), repository);
      for (const { name: record, bytes } of records) await storage.put(parseObjectName(record), bytes);
      const opened = await openWithPublicKey(storage, crypto, pinned);
      return answers.introduction(opened, records);
    },
    openRecord({ object, root }) {
      const { payload } = decodeEnvelope(object, SIGNED_TYPES.epoch, LIMITS.recordBytes);
      const record = decodeEpochRecord(payload);
      if (!isRootOf(crypto, record, root)) throw new NbakError('KEY_WRONG', 'the key check differs');
      return answers.carried(openSeal(crypto, record, root));
    },

    decodeCbor: (bytes) => answers.cbor(decodeCbor(bytes, 'a vector')),
    checkPath: (path) => assertSafePath(pathFromBytes(path)),
    comparePaths: ({ a, b }) => comparePaths(pathFromBytes(a), pathFromBytes(b)),
    checkEntryOrder(entries) {
      const order = EntryOrder.fromRoot();
      for (const { path, kind } of entries) {
        assertSafePath(pathFromBytes(path));
        order.add(pathFromBytes(path), ENTRY_KINDS[kind] ?? 'file');
      }
    },
    cutFile({ chunkerKey, id, data }) {
      const table = gearTable(scheduleOf(id).gearBytes(chunkerKey));
      const lengths: number[] = [];
      for (let start = 0; start < data.length; start += lengths.at(-1) ?? 0)
        lengths.push(cutLength(table, data, start, data.length));
      return lengths;
    },
    cutBundles: ({ chunkerKey, id, files }) =>
      countBundles(crypto, scheduleOf(id).borderKey(chunkerKey), files),

    sealV1File: (input) => v1.sealFile(crypto, input),
    openV1File: (input) => v1.openFile(crypto, input),
    nameV1Backup: v1DirectoryName,
    readV1Backup: (input) => v1.readBackup(crypto, input),
  };
};

function notOffered(): never {
  throw new TypeError('the program does not offer this');
}
