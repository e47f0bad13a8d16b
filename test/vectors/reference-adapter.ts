/** The reference codec behind the interface of the vectors. */
import { openBlob, sealBlob } from '../reference/blob.js';
import { hash } from '../reference/schedule.js';
import { equal } from '../reference/bytes.js';
import { readBundle, writeBundle } from '../reference/bundle.js';
import { decode } from '../reference/cbor.js';
import { cutBundles, cutFile } from '../reference/cut.js';
import { openCarried, readStoredRecord } from '../reference/epoch-record.js';
import { demand, fail } from '../reference/fail.js';
import { openFernet, sealFernet } from '../reference/fernet.js';
import { checkHistory } from '../reference/history.js';
import { introduceKeys } from '../reference/introduction.js';
import {
  readVaultKey,
  readVerificationKey,
  writeVaultKey,
  writeVerificationKey,
} from '../reference/key-text.js';
import { readDetail, readManifest } from '../reference/manifest.js';
import { readIndex, readPack } from '../reference/pack.js';
import { checkSealedPage, readPage, readPageRaw } from '../reference/page.js';
import { checkEntryOrder, checkPath, comparePaths } from '../reference/path.js';
import { checkPublicKey, verifies } from '../reference/public-key.js';
import { readRepositoryObject } from '../reference/repository-object.js';
import * as schedule from '../reference/schedule.js';
import { gmac } from '../reference/sealed.js';
import { openSlot, readSlot } from '../reference/slot.js';
import { readTombstone } from '../reference/tombstone.js';
import { openV1File, readV1Backup, sealV1File, v1Key, v1Name } from '../reference/v1.js';
import type { VectorAdapter } from './adapter.js';

export const referenceAdapter: VectorAdapter = {
  name: 'reference codec',
  without: [],

  readVaultKey,
  writeVaultKey,
  readVerificationKey,
  writeVerificationKey,
  checkPublicKey: (key) => checkPublicKey(key, 'PUBLIC_KEY_MALFORMED'),
  verifySignature: ({ publicKey, message, signature }) => verifies(signature, message, publicKey),
  epochKeys: ({ keyBytes, id, epoch }) => {
    const root = schedule.epochRoot(keyBytes, id, epoch);
    const backup = schedule.signingKey(root, id, 'backup', epoch);
    const admin = schedule.signingKey(root, id, 'admin', epoch);
    return {
      root,
      check: schedule.keyCheck(root, id, epoch),
      backupSeed: backup.seed,
      backupPublicKey: backup.publicKey,
      adminSeed: admin.seed,
      adminPublicKey: admin.publicKey,
    };
  },
  checkVaultKey: ({ keyBytes, id, epoch, check }) => {
    const own = schedule.keyCheck(schedule.epochRoot(keyBytes, id, epoch), id, epoch);
    demand(equal(own, check), 'KEY_WRONG', '§3.3', 'the key check differs');
  },
  sessionSecret: (input) => schedule.sessionSecret(input.root, input.id, input.salt, input.class),
  dedupKeys: ({ dedupSecret, id }) => ({
    tagKey: schedule.tagKey(dedupSecret, id),
    digestKey: schedule.digestKey(dedupSecret, id),
  }),
  tagChunk: ({ tagKey, plaintext }) => schedule.chunkTag(tagKey, plaintext),
  digestFile: ({ digestKey, path, pieces }) => {
    const contentHash = schedule.contentHash(pieces);
    return { contentHash, digest: schedule.fileDigest(digestKey, path, contentHash) };
  },
  markChunk: ({ dedupSecret, id, plaintext }) => {
    const markKey = schedule.markKey(dedupSecret, id);
    return { markKey, mark: gmac(markKey, plaintext) };
  },
  chunkerKeys: ({ chunkerKey, id }) => {
    const gearKey = schedule.gearKey(chunkerKey, id);
    return {
      gearKey,
      borderKey: schedule.borderKey(chunkerKey, id),
      words: [...schedule.gearTable(gearKey)],
    };
  },
  recordKey: ({ root, id, salt, epoch }) => schedule.recordKey(root, id, salt, epoch),
  slotKey: ({ slotInput, ...context }) => schedule.slotKey(slotInput, context),
  readSlot: (slot) => {
    const { id, epoch, kind } = readSlot(slot);
    return { id, epoch, kind };
  },
  openSlot: ({ slot, id, secret }) => openSlot(slot, id, secret),

  sealFernet,
  openFernet,

  sealBlob: ({ id, root, dedupSecret, plaintext, ...choice }) =>
    sealBlob({ id, root, dedupSecret }, choice, plaintext).frame,
  openBlob: ({ frame, ...secrets }) => openBlob(frame, secrets),
  writeBundle,
  readBundle,

  readPack: ({ object, ...place }) => readPack(object, place),
  readIndex: ({ object, ...place }) => readIndex(object, place),
  readPage: ({ object, name }) => readPage(object, name),
  openSealedPage: ({ object, name, frame, ...secrets }) => {
    const open = readPage(object, name);
    if (open.body.type !== 4) return fail('REFERENCE_TAMPERED', '§10.7', 'not a public page');
    const { sealed } = open.body;
    demand(equal(hash(frame), sealed.id), 'OBJECT_CORRUPT', '§6.7', 'the frame is not the one named');
    demand(frame[7] === 4, 'REFERENCE_TAMPERED', '§10.7', 'the frame is no sealed page');
    const page = readPageRaw(openBlob(frame, secrets));
    checkSealedPage(open, page);
    return page;
  },
  readManifest: ({ object, ...place }) => readManifest(object, place),
  readDetail: (plaintext) => readDetail(decode(plaintext)),
  readTombstone: ({ object, ...place }) => readTombstone(object, place),
  checkHistory,

  readRepositoryObject,
  introduceKeys: ({ repository, records, pinned }) => introduceKeys(repository, records, pinned),
  openRecord: ({ object, id, root }) => openCarried(readStoredRecord(object, id).record, root),

  decodeCbor: decode,
  checkPath,
  comparePaths: ({ a, b }) => comparePaths(a, b),
  checkEntryOrder,
  cutFile: ({ chunkerKey, id, data }) => cutFile(data, schedule.gearTable(schedule.gearKey(chunkerKey, id))),
  cutBundles: ({ chunkerKey, id, files }) => cutBundles(files, schedule.borderKey(chunkerKey, id)),

  sealV1File: ({ vaultKey, era, iv, plaintext }) => sealV1File(v1Key(vaultKey, era), iv, plaintext),
  openV1File: ({ vaultKey, era, file }) => openV1File(v1Key(vaultKey, era), file),
  nameV1Backup: v1Name,
  readV1Backup,
};
