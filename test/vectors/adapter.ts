/** What an implementation of the format offers to the vectors; one adapter per implementation. */
import type { Cbor } from '../reference/cbor.js';
import type { Carried } from '../reference/epoch-record.js';
import type { Footer } from '../reference/footer.js';
import type { History } from '../reference/history.js';
import type { Introduction, NamedObject } from '../reference/introduction.js';
import type { Detail, Manifest } from '../reference/manifest.js';
import type { IndexedPack } from '../reference/pack.js';
import type { Page } from '../reference/page.js';
import type { SmallFile } from '../reference/cut.js';
import type { PlacedEntry } from '../reference/path.js';
import type { RepositoryObject } from '../reference/repository-object.js';
import type { CommittedKey } from '../reference/schedule.js';
import type { Signer } from '../reference/signature.js';
import type { SlotSecret } from '../reference/slot.js';
import type { Tombstone } from '../reference/tombstone.js';
import type { Era, ReadBackup, StoredBackup } from '../reference/v1.js';

/** Implementations may answer at once or later. A refusal is an `NbakError`, thrown or rejected. */
export type Answer<T> = T | Promise<T>;

/** An object that a signature protects, and what it is read against. `name` is the 32 bytes of its name. */
export interface SignedInput {
  readonly object: Uint8Array;
  readonly name: Uint8Array;
  readonly id: Uint8Array;
  readonly signers: readonly Signer[];
}

/** The secrets that open a blob: repository id, root of the frame's epoch, dedup secret of its tag. */
export interface SecretsInput {
  readonly id: Uint8Array;
  readonly root: Uint8Array;
  readonly dedupSecret: Uint8Array;
}

export interface SealInput extends SecretsInput {
  readonly kind: number;
  readonly epoch: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly plaintext: Uint8Array;
}

export interface EpochKeys {
  readonly root: Uint8Array;
  readonly check: Uint8Array;
  readonly backupSeed: Uint8Array;
  readonly backupPublicKey: Uint8Array;
  readonly adminSeed: Uint8Array;
  readonly adminPublicKey: Uint8Array;
}

export interface VectorAdapter {
  readonly name: string;
  /** What this implementation does not offer: an operation, or one vector of it as `operation: comment`. */
  readonly without: readonly string[];

  readVaultKey(text: string): Answer<Uint8Array>;
  writeVaultKey(key: Uint8Array): Answer<string>;
  readVerificationKey(text: string): Answer<Uint8Array>;
  writeVerificationKey(key: Uint8Array): Answer<string>;
  /** A public key that a user pins (§4.3). */
  checkPublicKey(key: Uint8Array): Answer<void>;
  /** Does the signature verify under the rules of §4.3? */
  verifySignature(input: {
    publicKey: Uint8Array;
    message: Uint8Array;
    signature: Uint8Array;
  }): Answer<boolean>;
  epochKeys(input: { keyBytes: Uint8Array; id: Uint8Array; epoch: number }): Answer<EpochKeys>;
  /** Compares the key check (§3.3). */
  checkVaultKey(input: {
    keyBytes: Uint8Array;
    id: Uint8Array;
    epoch: number;
    check: Uint8Array;
  }): Answer<void>;
  sessionSecret(input: {
    root: Uint8Array;
    id: Uint8Array;
    salt: Uint8Array;
    class: number;
  }): Answer<Uint8Array>;
  dedupKeys(input: {
    dedupSecret: Uint8Array;
    id: Uint8Array;
  }): Answer<{ tagKey: Uint8Array; digestKey: Uint8Array }>;
  tagChunk(input: { tagKey: Uint8Array; plaintext: Uint8Array }): Answer<Uint8Array>;
  digestFile(input: {
    digestKey: Uint8Array;
    path: Uint8Array;
    pieces: readonly Uint8Array[];
  }): Answer<{ contentHash: Uint8Array; digest: Uint8Array }>;
  /** The mark key, and the mark of a chunk (§3.12). */
  markChunk(input: {
    dedupSecret: Uint8Array;
    id: Uint8Array;
    plaintext: Uint8Array;
  }): Answer<{ markKey: Uint8Array; mark: Uint8Array }>;
  /** Keys of §3.8 and all 256 words. */
  chunkerKeys(input: { chunkerKey: Uint8Array; id: Uint8Array }): Answer<{
    gearKey: Uint8Array;
    borderKey: Uint8Array;
    words: readonly number[];
  }>;
  recordKey(input: {
    root: Uint8Array;
    id: Uint8Array;
    salt: Uint8Array;
    epoch: number;
  }): Answer<CommittedKey>;
  slotKey(input: {
    slotInput: Uint8Array;
    id: Uint8Array;
    salt: Uint8Array;
    epoch: number;
    kind: number;
  }): Answer<CommittedKey>;
  /** The public fields of a stored slot. */
  readSlot(slot: Uint8Array): Answer<{ id: Uint8Array; epoch: number; kind: number }>;
  openSlot(input: {
    slot: Uint8Array;
    id: Uint8Array;
    secret: SlotSecret;
  }): Answer<{ epoch: number; root: Uint8Array }>;

  /** Makes the token of a text; `time` is in seconds. */
  sealFernet(input: { key: string; plaintext: string; time: number; iv: Uint8Array }): Answer<string>;
  openFernet(input: { key: string; token: string }): Answer<{ time: number; plaintext: string }>;

  /** Seals with codec 0 under a given salt and nonce; gives the frame. */
  sealBlob(input: SealInput): Answer<Uint8Array>;
  openBlob(input: SecretsInput & { frame: Uint8Array }): Answer<Uint8Array>;
  writeBundle(slices: readonly Uint8Array[]): Answer<Uint8Array>;
  readBundle(plaintext: Uint8Array): Answer<Uint8Array[]>;

  readPack(input: SignedInput): Answer<Footer>;
  readIndex(input: SignedInput): Answer<IndexedPack[]>;
  readPage(input: { object: Uint8Array; name: Uint8Array }): Answer<Page>;
  /** Reads a public page, opens the frame it names, and compares the two (§10.7). */
  openSealedPage(
    input: SecretsInput & { object: Uint8Array; name: Uint8Array; frame: Uint8Array },
  ): Answer<Page>;
  /** `names` is what the repository object says. */
  readManifest(input: SignedInput & { readonly names: number }): Answer<Manifest>;
  /** Reads the plaintext of a blob of kind 5 (§11.3). */
  readDetail(plaintext: Uint8Array): Answer<Detail>;
  readTombstone(input: SignedInput): Answer<Tombstone>;
  checkHistory(history: History): Answer<Uint8Array[]>;

  readRepositoryObject(object: Uint8Array): Answer<RepositoryObject>;
  introduceKeys(input: {
    repository: Uint8Array;
    records: readonly NamedObject[];
    pinned: Uint8Array;
  }): Answer<Introduction>;
  /** Opens the sealed part of a stored record whose signatures were verified. */
  openRecord(input: { object: Uint8Array; id: Uint8Array; root: Uint8Array }): Answer<Carried>;

  decodeCbor(bytes: Uint8Array): Answer<Cbor>;
  checkPath(path: Uint8Array): Answer<void>;
  comparePaths(input: { a: Uint8Array; b: Uint8Array }): Answer<number>;
  checkEntryOrder(entries: readonly PlacedEntry[]): Answer<void>;
  /** Lengths of the chunks of a file of more than 1 MiB. */
  cutFile(input: { chunkerKey: Uint8Array; id: Uint8Array; data: Uint8Array }): Answer<number[]>;
  /** How many files each bundle takes. */
  cutBundles(input: {
    chunkerKey: Uint8Array;
    id: Uint8Array;
    files: readonly SmallFile[];
  }): Answer<number[]>;

  /** A file of a backup of version 1 (§31.1). */
  sealV1File(input: {
    vaultKey: string;
    era: Era;
    iv: Uint8Array;
    plaintext: Uint8Array;
  }): Answer<Uint8Array>;
  openV1File(input: { vaultKey: string; era: Era; file: Uint8Array }): Answer<Uint8Array>;
  nameV1Backup(time: number): Answer<string>;
  readV1Backup(input: StoredBackup): Answer<ReadBackup>;
}
