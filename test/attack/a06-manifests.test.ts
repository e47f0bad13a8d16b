/** A6: only what the repository's keys signed counts; planted packs and footers do not reach deduplication. */

import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { concatBytes, readU32, u32 } from '#nbak/format/bytes.js';
import { decodeEnvelope, encodeEnvelope, SIGNED_TYPES, type SignedType } from '#nbak/format/cose.js';
import { encodePackEnd } from '#nbak/format/pack.js';
import { LIMITS } from '#nbak/format/limits.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import type { ObjectName } from '#nbak/storage/storage.js';
import { createSigner } from '#nbak/vault/signing.js';
import { headMemory, judge, judgeDecrypted, runBackup, withDirectory } from '../support/engine-run.js';
import { Insider } from '../support/insider.js';
import {
  footerOf,
  framesOf,
  indexFrom,
  manifestFrom,
  packFrom,
  plant,
  type Planted,
} from '../support/outsider.js';
import {
  objectsUnder,
  onlyObject,
  snapshotOf,
  storageWith,
  withObject,
  type Snapshot,
} from '../support/snapshots.js';
import {
  emptyRepository,
  KEY_BYTES,
  repositoryOf,
  tinyRepository,
  writeFiles,
} from '../support/tiny-repository.js';

const FIRST = { a: 'the first state of a', b: 'the same in both' };
const SECOND = { a: 'the second state of a', b: 'the same in both' };

let ours: Awaited<ReturnType<typeof repositoryOf>>;

beforeAll(async () => {
  ours = await repositoryOf([FIRST, SECOND]);
});

function envelopeOf(bytes: Uint8Array, type: SignedType = SIGNED_TYPES.manifest) {
  return decodeEnvelope(bytes, type, LIMITS.manifestBytes);
}

/** The stored manifests, oldest first. */
function manifests(): readonly Uint8Array[] {
  return ours.backups.map((id) => ours.snapshot.get(`manifests/${id}` as ObjectName) ?? new Uint8Array(0));
}

async function planted(...objects: readonly Planted[]) {
  const { exit, codes, problems } = await judge(
    await storageWith(plant(ours.snapshot, ...objects)),
    ours.publicKey,
  );
  return { exit, codes, objects: problems.map(({ object }) => object) };
}

/** A key that nobody introduced. */
function stranger() {
  return createSigner(nodeCrypto, ours.unlocked.id, nodeCrypto.randomBytes(32));
}

describe('A6 manifests', () => {
  it('A6: a manifest without its signature, with an empty one or with zeros is refused and named', async () => {
    const [manifest = new Uint8Array(0)] = manifests();
    const envelope = envelopeOf(manifest);
    const forms: readonly (readonly [Planted, string])[] = [
      [manifestFrom(envelope.payload), 'FORMAT_INVALID'],
      [manifestFrom(encodeEnvelope({ ...envelope, signature: new Uint8Array(0) })), 'FORMAT_INVALID'],
      [manifestFrom(encodeEnvelope({ ...envelope, signature: new Uint8Array(64) })), 'SIGNATURE_INVALID'],
    ];
    for (const [object, code] of forms) {
      const { codes, objects, exit } = await planted(object);
      expect({ codes, objects }).toEqual({ codes: [code], objects: [object[0]] });
      expect(exit).toBe(code === 'FORMAT_INVALID' ? 20 : 21);
    }
  });

  it('A6: the signature of another manifest, or of another type of object, is refused', async () => {
    const [first = new Uint8Array(0), second = new Uint8Array(0)] = manifests();
    const mixed = { ...envelopeOf(first), signature: envelopeOf(second).signature };
    expect(await planted(manifestFrom(encodeEnvelope(mixed)))).toMatchObject({
      exit: 21,
      codes: ['SIGNATURE_INVALID'],
    });

    const footer = envelopeOf(footerOf(onlyPack()), SIGNED_TYPES.footer);
    expect(await planted(manifestFrom(encodeEnvelope(footer)))).toMatchObject({
      exit: 21,
      codes: ['SIGNATURE_INVALID'],
    });
    const relabelled = { ...envelopeOf(first), signature: footer.signature };
    expect(await planted(manifestFrom(encodeEnvelope(relabelled)))).toMatchObject({
      exit: 21,
      codes: ['SIGNATURE_INVALID'],
    });
  });

  it('A6: a manifest that is changed and signed with a key of the attacker is refused', async () => {
    const [first = new Uint8Array(0)] = manifests();
    const forged = stranger().sign(SIGNED_TYPES.manifest, envelopeOf(first).payload);
    expect(await planted(manifestFrom(forged))).toMatchObject({ exit: 21, codes: ['SIGNER_UNKNOWN'] });
    // The stranger's signature under the fingerprint of the real key.
    const posing = { ...envelopeOf(first), signature: envelopeOf(forged).signature };
    expect(await planted(manifestFrom(encodeEnvelope(posing)))).toMatchObject({
      exit: 21,
      codes: ['SIGNATURE_INVALID'],
    });
  });

  it('A6: a key of the right repository in the wrong role signs no manifest and no footer', async () => {
    const { adminSigner } = ours.unlocked.secrets;
    const [first = new Uint8Array(0)] = manifests();
    const manifest = adminSigner.sign(SIGNED_TYPES.manifest, envelopeOf(first).payload);
    expect(await planted(manifestFrom(manifest))).toMatchObject({ exit: 21, codes: ['SIGNER_UNKNOWN'] });
  });

  it('A6: bytes added to the envelope, outside the signature, are refused', async () => {
    const [first = new Uint8Array(0)] = manifests();
    const { exit, codes } = await planted(manifestFrom(concatBytes(first, Uint8Array.of(0))));
    expect({ exit, codes }).toEqual({ exit: 20, codes: ['FORMAT_INVALID'] });
  });

  it('A6: a manifest that is taken away is missed by its child, and by whoever saw it', async () => {
    for (const [i, code] of [
      [0, 'PARENT_MISSING'],
      [1, 'TAKEN_BACK'],
    ] as const) {
      const heads = headMemory();
      await judge(await storageWith(ours.snapshot), ours.publicKey, heads);
      const without = withObject(
        ours.snapshot,
        `manifests/${ours.backups[i] ?? ''}` as ObjectName,
        undefined,
      );
      const { exit, codes } = await judge(await storageWith(without), ours.publicKey, heads);
      expect({ exit, codes }).toEqual({ exit: 22, codes: [code] });
    }
  });

  it('A6: a signed manifest that states another repository, epoch, sequence or counts is refused', async () => {
    const zero = { files: 0, directories: 1, others: 0, bytes: 0 };
    for (const [said, expected] of [
      [{ repository: '00'.repeat(16) as never }, { exit: 21, codes: ['REFERENCE_TAMPERED'] }],
      [{ epoch: 2 }, { exit: 21, codes: ['REFERENCE_TAMPERED'] }],
      [{ sequence: 7 }, { exit: 21, codes: ['REFERENCE_TAMPERED'] }],
      [{ totals: { ...zero, files: 1 } }, { exit: 21, codes: ['REFERENCE_TAMPERED'] }],
      [{ totals: { ...zero, bytes: 1 } }, { exit: 21, codes: ['REFERENCE_TAMPERED'] }],
      [{ entries: 2 }, { exit: 21, codes: ['REFERENCE_TAMPERED'] }],
      [{ entries: 0 }, { exit: 20, codes: ['FORMAT_INVALID'] }],
      [{ sequence: 0 }, { exit: 20, codes: ['FORMAT_INVALID'] }],
    ] as const) {
      const repository = await emptyRepository();
      const insider = new Insider(repository.unlocked);
      const page = await insider.storePage(insider.pageOf([{ path: '' }]).page);
      await insider.storeManifest([page], { entries: 1, totals: zero, ...said });
      const { exit, codes } = await judge(repository.storage, repository.publicKey);
      expect({ said, exit, codes }).toEqual({ said, ...expected });
    }
  });

  it('A6: a signed row whose blob has another length than the page says is tampering', async () => {
    const repository = await emptyRepository();
    const insider = new Insider(repository.unlocked);
    const { page, blobs } = insider.pageOf([{ path: '' }, { path: 'f', content: 'content' }]);
    await insider.storePack(blobs);
    const rows = page.blobs.map((row) => ({ ...row, length: row.length + 1 }));
    const id = await insider.storePage({ ...page, blobs: rows } as typeof page);
    await insider.storeManifest([id], {
      entries: 2,
      totals: { files: 1, directories: 1, others: 0, bytes: 7 },
    });
    const { exit, codes, problems } = await judge(repository.storage, repository.publicKey);
    expect({ exit, codes }).toEqual({ exit: 21, codes: ['REFERENCE_TAMPERED'] });
    expect(problems.map(({ files }) => files)).toEqual([['f']]);
  });
});

function onlyPack(snapshot: Snapshot = ours.snapshot): Uint8Array {
  return objectsUnder(snapshot, 'packs/')[0]?.[1] ?? new Uint8Array(0);
}

/** Backs `files` up into a copy of `snapshot` with an empty cache, as another machine would. */
async function backUpInto(snapshot: Snapshot, files: Readonly<Record<string, string>>) {
  const storage = await storageWith(snapshot);
  const unlocked = await openWithVaultKey(storage, nodeCrypto, KEY_BYTES);
  const result = await withDirectory((directory) => {
    writeFiles(`${directory}/s`, files);
    return runBackup(unlocked, [`${directory}/s`]);
  });
  return { result, snapshot: await snapshotOf(storage) };
}

describe('A6 planted packs and footers', () => {
  const FILES = { a: 'the first file\n', b: 'the second, another one\n' };

  /** A repository whose pack was taken away, and what its footer said. */
  async function robbed() {
    const tiny = await tinyRepository();
    const [name, pack] = onlyObject(tiny.snapshot, 'packs/');
    const [index] = onlyObject(tiny.snapshot, 'index/');
    return { tiny, name, pack, index, without: withObject(tiny.snapshot, name, undefined) };
  }

  /** Every way to pretend, without a key, that the chunks of the pack are stored. */
  async function pretences(): Promise<
    readonly { readonly what: string; readonly snapshot: Snapshot; readonly codes: readonly string[] }[]
  > {
    const { tiny, pack, index, without } = await robbed();
    const footer = footerOf(pack);
    const { payload } = envelopeOf(footer, SIGNED_TYPES.footer);
    const own = createSigner(nodeCrypto, tiny.unlocked.id, nodeCrypto.randomBytes(32)).sign(
      SIGNED_TYPES.footer,
      payload,
    );
    const zero = encodeEnvelope({
      ...envelopeOf(footer, SIGNED_TYPES.footer),
      signature: new Uint8Array(64),
    });
    const garbage = framesOf(pack).map((frame) => nodeCrypto.randomBytes(frame.length));
    const noIndex = withObject(without, index, undefined);
    return [
      { what: 'the index alone names it', snapshot: without, codes: ['OBJECT_MISSING'] },
      {
        what: 'a pack of noise, its footer signed by a stranger',
        snapshot: plant(without, packFrom(garbage, own)),
        codes: ['OBJECT_MISSING', 'SIGNER_UNKNOWN'],
      },
      {
        what: 'the true frames, the footer signed by a stranger, and an index of it',
        snapshot: plant(noIndex, packFrom(framesOf(pack), own), indexFrom([own])),
        codes: ['OBJECT_MISSING', 'SIGNER_UNKNOWN'],
      },
      {
        what: 'the true frames and a footer without signature, and an index of it',
        snapshot: plant(noIndex, packFrom(framesOf(pack), zero), indexFrom([zero])),
        codes: ['OBJECT_MISSING', 'SIGNATURE_INVALID'],
      },
      {
        what: 'the true footer behind noise of the right size, in no index',
        snapshot: plant(noIndex, packFrom(garbage, footer)),
        codes: ['OBJECT_CORRUPT'],
      },
      {
        what: 'the true footer behind too little, and the true index',
        snapshot: plant(without, packFrom(garbage.slice(1), footer)),
        codes: ['OBJECT_CORRUPT'],
      },
      {
        what: 'the true footer behind too much, and the true index',
        snapshot: plant(without, packFrom([...garbage, ...garbage], footer)),
        codes: ['OBJECT_CORRUPT'],
      },
    ];
  }

  it('A6: verify calls every pretence by its name', async () => {
    for (const { what, snapshot, codes } of await pretences()) {
      const judgement = await judge(await storageWith(snapshot), await publicKeyOf(snapshot));
      expect({ what, codes: [...judgement.codes].sort() }).toEqual({ what, codes });
    }
  });

  it('A6: a later backup stores its own data whatever was planted, and that backup verifies', async () => {
    for (const { what, snapshot } of await pretences()) {
      const { result, snapshot: after } = await backUpInto(snapshot, FILES);
      const fresh = new Set([...after.keys()].filter((name) => !snapshot.has(name)));
      expect({ what, stored: [...fresh].some((name) => name.startsWith('packs/')) }).toEqual({
        what,
        stored: true,
      });
      const publicKey = await publicKeyOf(after);
      const { problems } = await judge(await storageWith(after), publicKey);
      expect({ what, hit: problems.filter(({ backups }) => backups.includes(result.id)) }).toEqual({
        what,
        hit: [],
      });

      // What the attacker planted and what he took away are gone: the new backup stands alone.
      const kept = new Map(
        [...after].filter(([name]) => fresh.has(name) || /^(repository|epochs|pages)/.test(name)),
      );
      const alone = await judgeDecrypted(await storageWith(kept), KEY_BYTES);
      expect({ what, codes: alone.codes }).toEqual({ what, codes: ['PARENT_MISSING'] });
    }
  });

  it('A6: noise behind a true and indexed footer of the right size is found in every backup that shares it', async () => {
    const { name, pack, without } = await robbed();
    const garbage = framesOf(pack).map((frame) => nodeCrypto.randomBytes(frame.length));
    const attacked = plant(without, packFrom(garbage, footerOf(pack)));
    expect(attacked.has(name)).toBe(true);
    const { result, snapshot } = await backUpInto(attacked, FILES);
    const { exit, codes, problems } = await judge(await storageWith(snapshot), await publicKeyOf(snapshot));
    expect({ exit, codes }).toEqual({ exit: 20, codes: ['OBJECT_CORRUPT'] });
    expect(problems.flatMap(({ backups }) => backups)).toContain(result.id);
  });

  it('A6: a stand-in that a backup key signs does not redirect an id', async () => {
    const { tiny } = await robbed();
    const insider = new Insider(tiny.unlocked);
    const [, pack] = onlyObject(tiny.snapshot, 'packs/');
    const victim = framesOf(pack)[0] ?? new Uint8Array(0);
    const lie = insider.seal(new TextEncoder().encode('x'.repeat(readU32(victim, 72))));
    const row = {
      id: insider.blobOf(victim, lie).id,
      tag: lie.tag,
      kind: lie.kind,
      length: lie.frame.length,
      as: lie.id,
    };
    const { id, bytes } = insider.packBytes([lie], [row]);
    const attacked = plant(tiny.snapshot, [`packs/${id.slice(0, 2)}/${id}` as ObjectName, bytes]);
    const { exit, codes } = await judge(await storageWith(attacked), tiny.publicKey);
    expect({ exit, codes }).toEqual({ exit: 21, codes: ['SIGNER_UNKNOWN'] });
    const { result, snapshot } = await backUpInto(attacked, FILES);
    const { problems } = await judge(await storageWith(snapshot), tiny.publicKey);
    expect(problems.filter(({ backups }) => backups.includes(result.id))).toEqual([]);
  });

  it('A6: a trailer that points at a second footer inside the pack is corruption', async () => {
    const { name, pack } = await robbed();
    const tiny = await tinyRepository();
    const footer = footerOf(pack);
    const doubled = concatBytes(pack.subarray(0, pack.length - 8), encodePackEnd(footer));
    const longer = concatBytes(
      pack.subarray(0, pack.length - 8),
      u32(footer.length + 1),
      pack.subarray(pack.length - 4),
    );
    for (const bytes of [doubled, longer]) {
      const attacked = plant(tiny.snapshot, [name, bytes]);
      const { ok, exit } = await judge(await storageWith(attacked), tiny.publicKey);
      expect({ ok, exit: [20, 21].includes(exit) }).toEqual({ ok: false, exit: true });
    }
  });
});

async function publicKeyOf(snapshot: Snapshot): Promise<Uint8Array> {
  return (await openWithVaultKey(await storageWith(snapshot), nodeCrypto, KEY_BYTES)).verificationKey;
}
