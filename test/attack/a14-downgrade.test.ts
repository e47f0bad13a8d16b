/** A14: plaintext, an older version, another suite, codec or kind never pass where a sealed frame of version 2 is due. */

import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { isNbakError } from '#nbak/errors.js';
import { BLOB_KINDS } from '#nbak/format/blob.js';
import { concatBytes, utf8 } from '#nbak/format/bytes.js';
import { encodePackEnd } from '#nbak/format/pack.js';
import { encodePage, type Page } from '#nbak/format/page.js';
import type { NamesMode } from '#nbak/format/manifest.js';
import { idFromBytes, type BlobId, type PageId } from '#nbak/format/ids.js';
import { compress } from '#nbak/compression/zstd.js';
import { createSigner } from '#nbak/vault/signing.js';
import { decodeEnvelope, SIGNED_TYPES } from '#nbak/format/cose.js';
import { LIMITS } from '#nbak/format/limits.js';
import { judge, judgeDecrypted, restoreBackup, withDirectory } from '../support/engine-run.js';
import { Insider, type ForgedBlob } from '../support/insider.js';
import { footerOf, framesOf, packFrom, pageFrom, plant } from '../support/outsider.js';
import { onlyObject, snapshotOf, storageWith, withObject, type Snapshot } from '../support/snapshots.js';
import {
  emptyRepository,
  KEY_BYTES,
  repositoryOf,
  tinyRepository,
  type TestRepository,
} from '../support/tiny-repository.js';

const CONTENT = 'the content that was sealed';

/** A file of the older format: magic, version 1 and what looks like its header and body. */
function versionOne(): Uint8Array {
  return concatBytes(utf8('NBAK'), Uint8Array.of(1), nodeCrypto.randomBytes(12 + 16), utf8(CONTENT));
}

const REPLACEMENTS: Readonly<Record<string, () => Uint8Array>> = {
  'the plaintext': () => utf8(CONTENT),
  'the plaintext at the length of a frame': () => utf8(CONTENT.padEnd(200)),
  'a file of version 1': versionOne,
  'a zstd frame of the plaintext': () => compress(utf8(CONTENT.repeat(20))),
};

/** Restores and returns the codes of what failed or refused; nothing of `CONTENT` may have been released. */
async function restoreCodes(repository: Pick<TestRepository, 'storage'>): Promise<readonly string[]> {
  return withDirectory(async (directory) => {
    try {
      const { failed, files } = await restoreBackup(repository.storage, KEY_BYTES, {
        target: `${directory}/t`,
      });
      expect(files).toBe(0);
      return failed.map(({ code }) => code);
    } catch (error) {
      if (!isNbakError(error)) throw error;
      return [error.code];
    }
  });
}

describe('A14 plaintext by an outsider', () => {
  let tiny: Awaited<ReturnType<typeof tinyRepository>>;

  beforeAll(async () => {
    tiny = await tinyRepository();
  });

  for (const [what, bytes] of Object.entries(REPLACEMENTS)) {
    it(`A14: ${what} in the place of a frame is refused, however many hashes are put right`, async () => {
      const [name, pack] = onlyObject(tiny.snapshot, 'packs/');
      const frame = framesOf(pack)[0] ?? new Uint8Array(0);
      const plain = bytes();
      const footer = footerOf(pack);
      // Only the bytes; then the footer made to fit, unsigned as it must be; then the page as well.
      const inPlace = withObject(tiny.snapshot, name, concatBytes(plain, encodePackEnd(footer)));
      const { payload } = decodeEnvelope(footer, SIGNED_TYPES.footer, LIMITS.footerBytes);
      const fitted = replaceAll(payload, nodeCrypto.sha256(frame), nodeCrypto.sha256(plain));
      const stranger = createSigner(nodeCrypto, tiny.unlocked.id, nodeCrypto.randomBytes(32));
      const foreign = packFrom([plain], stranger.sign(SIGNED_TYPES.footer, fitted));
      const [pageName, page] = onlyObject(tiny.snapshot, 'pages/');
      const fixedPage = pageFrom(replaceAll(page, nodeCrypto.sha256(frame), nodeCrypto.sha256(plain)));
      const attempts: readonly (readonly [Snapshot, number])[] = [
        [inPlace, 20],
        [plant(withObject(tiny.snapshot, name, undefined), foreign), 21],
        [
          plant(
            withObject(withObject(tiny.snapshot, name, undefined), pageName, undefined),
            foreign,
            fixedPage,
          ),
          21,
        ],
      ];
      for (const [snapshot, exit] of attempts) {
        expect((await judge(await storageWith(snapshot), tiny.publicKey)).exit).toBe(exit);
        const codes = await restoreCodes({ storage: await storageWith(snapshot) });
        expect(codes.length).toBeGreaterThan(0);
      }
    });
  }
});

function replaceAll(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  const latin = (part: Uint8Array): string => Buffer.from(part).toString('latin1');
  return new Uint8Array(Buffer.from(text.replaceAll(latin(from), latin(to)), 'latin1'));
}

/** A backup of one file whose blob is `forge`'s, everything else in order and validly signed. */
async function signedBackup(forge: (honest: ForgedBlob) => ForgedBlob): Promise<TestRepository> {
  const repository = await emptyRepository();
  const insider = new Insider(repository.unlocked);
  const { page, blobs } = insider.pageOf([{ path: '' }, { path: 'f', content: CONTENT }]);
  const [honest] = blobs;
  if (honest === undefined) throw new Error('expected a blob');
  const blob = forge(honest);
  await insider.storePack([blob]);
  const rows = [{ id: blob.id, length: blob.frame.length, plaintextLength: CONTENT.length }];
  const id = await insider.storePage({ ...page, blobs: rows } as Page);
  const totals = { files: 1, directories: 1, others: 0, bytes: CONTENT.length };
  await insider.storeManifest([id], { entries: 2, totals });
  return repository;
}

function reheaded(blob: ForgedBlob, at: number, value: number): ForgedBlob {
  const frame = new Uint8Array(blob.frame);
  frame[at] = value;
  return { ...blob, frame, id: idFromBytes<BlobId>(nodeCrypto.sha256(frame)) };
}

describe('A14 downgrade under a valid signature', () => {
  it('A14: the honest backup verifies and restores, so that what follows fails for its own reason', async () => {
    const repository = await signedBackup((blob) => blob);
    expect(await judge(repository.storage, repository.publicKey)).toMatchObject({ ok: true });
    expect(await judgeDecrypted(repository.storage, KEY_BYTES)).toMatchObject({ ok: true });
  });

  for (const [what, bytes] of Object.entries(REPLACEMENTS)) {
    it(`A14: ${what} as a blob that an insider signs is FORMAT_INVALID`, async () => {
      const repository = await signedBackup((blob) => {
        // A footer states no length below that of a frame: the shorter ones are filled up.
        const frame = concatBytes(bytes(), new Uint8Array(132));
        return { ...blob, frame, id: idFromBytes<BlobId>(nodeCrypto.sha256(frame)) };
      });
      const { exit, codes } = await judge(repository.storage, repository.publicKey);
      expect({ exit, codes }).toEqual({ exit: 20, codes: ['FORMAT_INVALID'] });
      expect((await judgeDecrypted(repository.storage, KEY_BYTES)).exit).toBe(20);
      expect(await restoreCodes(repository)).toEqual(['FORMAT_INVALID']);
    });
  }

  for (const [what, at, value, code] of [
    ['version 0', 4, 0, 'FORMAT_NEWER'],
    ['version 1', 4, 1, 'FORMAT_INVALID'],
    ['version 3', 4, 3, 'FORMAT_NEWER'],
    ['suite 0', 5, 0, 'FORMAT_NEWER'],
    ['suite 2', 5, 2, 'FORMAT_NEWER'],
    ['codec 2', 6, 2, 'FORMAT_NEWER'],
    ['kind 0', 7, 0, 'FORMAT_NEWER'],
    ['kind 6', 7, 6, 'FORMAT_NEWER'],
  ] as const) {
    it(`A14: ${what} in a frame that an insider signs is ${code} to the public key already`, async () => {
      const repository = await signedBackup((blob) => reheaded(blob, at, value));
      const { codes } = await judge(repository.storage, repository.publicKey);
      expect(codes).toEqual([code]);
      expect(await restoreCodes(repository)).toEqual([code]);
    });
  }

  it('A14: a frame whose header alone names another codec or kind does not open: the key is bound to the header', async () => {
    for (const [at, value] of [
      [6, 1],
      [7, BLOB_KINDS.bundle],
      [7, BLOB_KINDS.appKey],
    ] as const) {
      const repository = await signedBackup((blob) => {
        const changed = reheaded(blob, at, value);
        return at === 7 ? { ...changed, kind: value } : changed;
      });
      const { exit, codes } = await judgeDecrypted(repository.storage, KEY_BYTES);
      expect({ at, value, exit, codes }).toEqual({ at, value, exit: 21, codes: ['BLOB_TAMPERED'] });
      expect(await restoreCodes(repository)).toEqual(['BLOB_TAMPERED']);
    }
  });

  it('A14: a frame whose kind or session is not that of its footer is a contradiction', async () => {
    const repository = await signedBackup((blob) => reheaded(blob, 7, BLOB_KINDS.bundle));
    expect((await judge(repository.storage, repository.publicKey)).codes).toEqual(['REFERENCE_TAMPERED']);
    const other = await signedBackup((blob) => reheaded(blob, 12, (blob.frame[12] ?? 0) ^ 1));
    expect((await judge(other.storage, other.publicKey)).codes).toEqual(['REFERENCE_TAMPERED']);
  });
});

describe('A14 plain names in a sealed repository', () => {
  /** A backup in a repository of `names` with a page or a child page that `names` does not allow. */
  async function mixed(
    names: NamesMode,
    build: (insider: Insider) => Promise<PageId>,
  ): Promise<TestRepository> {
    const repository = await emptyRepository(names);
    const insider = new Insider(repository.unlocked);
    const page = await build(insider);
    const plaintext = utf8('no detail');
    const detail = insider.seal(plaintext, BLOB_KINDS.sealedDetail);
    await insider.storePack([detail]);
    const totals = { files: 0, directories: 1, others: 0, bytes: 0 };
    const sealedDetail = { id: detail.id, length: detail.frame.length };
    const said = names === 'sealed' ? { sealedDetail } : {};
    await insider.storeManifest([page], { entries: 1, totals, ...said });
    return repository;
  }

  it('A14: a manifest with its detail in the open is refused in a sealed repository', async () => {
    const repository = await emptyRepository('sealed');
    await new Insider(repository.unlocked).storeBackup([{ path: '' }]);
    const { exit, codes } = await judge(repository.storage, repository.publicKey);
    expect({ exit, codes }).toEqual({ exit: 21, codes: ['REFERENCE_TAMPERED'] });
  });

  it('A14: a plain page that a sealed manifest names is refused, directly and below a list', async () => {
    for (const depth of [0, 1]) {
      const repository = await mixed('sealed', async (insider) => {
        const page = await insider.storePage(insider.pageOf([{ path: '' }]).page);
        return depth === 0
          ? page
          : insider.storePage({ type: 'list', dedup: 1, children: [page], blobs: [] });
      });
      const { exit, codes } = await judge(repository.storage, repository.publicKey);
      expect({ depth, exit, codes }).toEqual({ depth, exit: 21, codes: ['REFERENCE_TAMPERED'] });
    }
  });

  it('A14: a public page in a plain repository is refused', async () => {
    const repository = await mixed('plain', async (insider) => {
      const raw = encodePage(insider.pageOf([{ path: '' }]).page);
      const blob = insider.seal(raw, BLOB_KINDS.sealedPage);
      await insider.storePack([blob]);
      const sealed = { id: blob.id, length: blob.frame.length };
      return insider.storePage({ type: 'public', dedup: 1, children: [], blobs: [], sealed });
    });
    const { exit, codes } = await judge(repository.storage, repository.publicKey);
    expect({ exit, codes }).toEqual({ exit: 21, codes: ['REFERENCE_TAMPERED'] });
  });

  it('A14: a page of entries, a list or, where names are sealed, a plain content page as content page is refused', async () => {
    const children: readonly ((insider: Insider) => Promise<PageId>)[] = [
      (insider) => insider.storePage(insider.pageOf([{ path: '' }]).page),
      async (insider) => {
        const child = await insider.storePage(insider.pageOf([{ path: '' }]).page);
        return insider.storePage({ type: 'list', dedup: 1, children: [child], blobs: [] });
      },
      (insider) => insider.storePage({ type: 'content', dedup: 1, children: [], blobs: [], pieces: [] }),
    ];
    for (const [i, child] of children.entries()) {
      const repository = await mixed('sealed', async (insider) => {
        const raw = encodePage({
          ...insider.pageOf([{ path: '' }]).page,
          children: [await child(insider)],
        });
        const blob = insider.seal(raw, BLOB_KINDS.sealedPage);
        await insider.storePack([blob]);
        const sealed = { id: blob.id, length: blob.frame.length };
        return insider.storePage({
          type: 'public',
          dedup: 1,
          children: [await child(insider)],
          blobs: [],
          sealed,
        });
      });
      const { exit, codes } = await judge(repository.storage, repository.publicKey);
      expect({ i, exit, codes }).toEqual({ i, exit: 21, codes: ['REFERENCE_TAMPERED'] });
    }
    for (const [i, child] of children.slice(0, 2).entries()) {
      const repository = await mixed('plain', async (insider) =>
        insider.storePage({
          ...insider.pageOf([{ path: '' }]).page,
          children: [await child(insider)],
        }),
      );
      const { exit, codes } = await judge(repository.storage, repository.publicKey);
      expect({ i, exit, codes }).toEqual({ i, exit: 21, codes: ['REFERENCE_TAMPERED'] });
    }
  });

  it('A14: sealed pages exchanged under their public pages are refused when they are opened', async () => {
    const { snapshot, unlocked } = await repositoryOf([{ a: 'one', b: 'x'.repeat(40_000) }], 'sealed');
    const storage = await storageWith(snapshot);
    const insider = new Insider({ ...unlocked, storage });
    const other = insider.seal(encodePage(insider.pageOf([{ path: '' }]).page), BLOB_KINDS.sealedPage);
    await insider.storePack([other]);
    const row = { id: other.id, length: other.frame.length };
    const stranger = insider.seal(utf8('x'.repeat(50)));
    await insider.storePack([stranger]);
    const blobs = [{ id: stranger.id, length: stranger.frame.length }];
    const page = await insider.storePage({ type: 'public', dedup: 1, children: [], blobs, sealed: row });
    const { readBackups } = await import('#nbak/repository/manifests.js');
    const { backups } = await readBackups({ ...unlocked, storage });
    const [honest] = backups;
    if (honest === undefined) throw new Error('expected a backup');
    const { manifest } = honest;
    await insider.storeManifest([page], {
      entries: 1,
      totals: manifest.totals,
      parents: [honest.id],
      sequence: manifest.sequence + 1,
      sealedDetail: manifest.detail as { id: BlobId; length: number },
    });
    const { exit, codes } = await judgeDecrypted(storage, KEY_BYTES);
    expect({ exit, codes }).toEqual({ exit: 21, codes: ['REFERENCE_TAMPERED'] });
    expect(await snapshotOf(storage)).not.toEqual(snapshot);
  });
});
