/** Small objects that declare much, what verify says of them, and what they cost in memory (A8). */

import { expect } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import type { ErrorCode } from '#nbak/errors.js';
import { BLOB_KINDS, encodeBlobHeader, encodeNonce, type BlobKind } from '#nbak/format/blob.js';
import { concatBytes, toHex, u32, utf8 } from '#nbak/format/bytes.js';
import { idFromBytes } from '#nbak/format/ids.js';
import type { ObjectName, Storage } from '#nbak/storage/storage.js';
import { blobKey, keySchedule } from '#nbak/vault/key-schedule.js';
import { judge, judgeDecrypted } from './engine-run.js';
import { Insider, type ForgedBlob } from './insider.js';
import { pageFrom, plant, type Planted } from './outsider.js';
import { snapshotOf, storageWith } from './snapshots.js';
import { emptyRepository, KEY_BYTES, type TestRepository } from './tiny-repository.js';

/** Bytes. */
export const MIB = 1024 * 1024;

/** What the process's peak of resident memory grows by while `run` runs, in MiB. */
export async function peakGrowth(run: () => Promise<void>): Promise<number> {
  const before = process.resourceUsage().maxRSS;
  await run();
  return (process.resourceUsage().maxRSS - before) / 1024;
}

/** The code with which verify, given the public key alone, names the planted object. */
export async function codeOf(object: Planted): Promise<ErrorCode | undefined> {
  const { snapshot, publicKey } = await fresh();
  const { refused, problems } = await judge(await storageWith(plant(snapshot, object)), publicKey);
  if (refused !== undefined) return refused.code;
  expect(problems.map((problem) => problem.object)).toEqual([object[0]]);
  return problems[0]?.code;
}

/** An empty repository and its objects. */
export async function fresh() {
  const repository = await emptyRepository();
  return { ...repository, snapshot: await snapshotOf(repository.storage) };
}

/** A page or index object as it is stored (§5.3), true or not. */
export function compressed(
  magic: string,
  codec: number,
  rawLength: number,
  body: Uint8Array,
  version = 2,
): Uint8Array {
  return concatBytes(utf8(magic), Uint8Array.of(version, codec), u32(rawLength), body);
}

/** Raw bytes as a page that is not compressed. */
export function storedPage(raw: Uint8Array): Planted {
  return pageFrom(compressed('NBKP', 0, raw.length, raw));
}

/** Bytes from hexadecimal text; blanks are ignored. */
export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

/** Seals `opened` as it is; the tag is that of `plaintext`. */
export type Seal = (
  codec: 'stored' | 'zstd',
  opened: Uint8Array,
  kind?: BlobKind,
  plaintext?: Uint8Array,
) => ForgedBlob;

/** What verify with the vault key says of a blob that an insider sealed over any bytes. */
export async function sealedCodes(forge: (seal: Seal) => ForgedBlob): Promise<readonly string[]> {
  const repository = await emptyRepository();
  const insider = new Insider(repository.unlocked);
  const blob = forge(sealAnything(repository, insider.session));
  await insider.storePack([blob]);
  const { codes, refused } = await judgeDecrypted(repository.storage, KEY_BYTES);
  expect(refused).toBeUndefined();
  return codes;
}

let counter = 0;

/** Seals bytes that no encoder would: length prefixes, bodies and padding as the attacker likes (§6.3). */
export function sealAnything({ unlocked }: TestRepository, session: Uint8Array): Seal {
  const { id, secrets } = unlocked;
  const schedule = keySchedule(nodeCrypto, id);
  const [dedup] = secrets.dedup;
  if (dedup === undefined) throw new Error('no dedup secret');
  return (codec, opened, kind = BLOB_KINDS.data, plaintext = new Uint8Array(0)) => {
    const tag = nodeCrypto.hmacSha256(schedule.tagKey(dedup.secret), nodeCrypto.sha256(plaintext));
    const nonce = encodeNonce(1, (counter += 1));
    const header = encodeBlobHeader({
      codec,
      kind,
      epoch: 1,
      session,
      nonce,
      tag,
      sealedLength: opened.length,
    });
    const { key, commitment } = blobKey(
      nodeCrypto,
      schedule.sessionSecret(secrets.root, session, kind),
      header,
    );
    const frame = concatBytes(header, commitment, nodeCrypto.aesGcmSeal(key, nonce, opened));
    return {
      id: idFromBytes(nodeCrypto.sha256(frame)),
      frame,
      tag: toHex(tag),
      kind,
      plaintextLength: plaintext.length,
    };
  };
}

/** A storage where one object is as large as it says and costs nothing until it is read. */
export function endless(
  inner: Storage,
  name: ObjectName,
  size: number,
): Storage & { readonly mostAsked: number } {
  const info = { name, size, modifiedMs: 0 };
  const storage = {
    mostAsked: 0,
    description: inner.description,
    put: inner.put.bind(inner),
    create: inner.create.bind(inner),
    get: async (asked: ObjectName, range?: { readonly offset: number; readonly length: number }) => {
      if (asked !== name) return inner.get(asked, range);
      const length = Math.min(range?.length ?? size, size - (range?.offset ?? 0));
      storage.mostAsked = Math.max(storage.mostAsked, length);
      return Promise.resolve(new Uint8Array(length));
    },
    read: inner.read.bind(inner),
    stat: async (asked: ObjectName) => (asked === name ? info : inner.stat(asked)),
    async *list(prefix: string) {
      if (name.startsWith(prefix)) yield info;
      for await (const each of inner.list(prefix)) if (each.name !== name) yield each;
    },
    listForeign: inner.listForeign.bind(inner),
    delete: inner.delete.bind(inner),
    close: inner.close.bind(inner),
  };
  return storage;
}
