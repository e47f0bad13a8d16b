/** A8: lengths, counts, sizes and depths that lie are checked wherever they stand, whoever signed them. */

import { readdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOB_KINDS } from '#nbak/format/blob.js';
import { encodeBundle } from '#nbak/format/bundle.js';
import { concatBytes, toHex, u32, utf8 } from '#nbak/format/bytes.js';
import type { Entry } from '#nbak/format/entry.js';
import type { PageId } from '#nbak/format/ids.js';
import type { ObjectName } from '#nbak/storage/storage.js';
import { codeOf, endless, fresh, hex, MIB, sealedCodes } from '../support/bombs.js';
import { judge, judgeDecrypted, restoreBackup, withDirectory } from '../support/engine-run.js';
import { Insider, type ForgedEntry } from '../support/insider.js';
import { plant, sha256 } from '../support/outsider.js';
import { snapshotOf, storageWith } from '../support/snapshots.js';
import { emptyRepository, KEY_BYTES } from '../support/tiny-repository.js';

describe('A8 lying lengths', () => {
  it('A8: plaintext and body lengths inside a seal are checked before allocation', async () => {
    for (const [opened, code] of [
      [concatBytes(u32(0xffff_ffff), u32(0)), 'LIMIT_EXCEEDED'],
      [concatBytes(u32(16 * MIB + 1), u32(0)), 'LIMIT_EXCEEDED'],
      [concatBytes(u32(16 * MIB), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(4), u32(0xffff_ffff), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(4), u32(5), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(3), u32(4), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(4), u32(4), u32(0), Uint8Array.of(1)), 'FORMAT_INVALID'],
    ] as const) {
      expect(await sealedCodes((seal) => seal('stored', opened))).toEqual([code]);
    }
  });

  it('A8: the table of a bundle is checked before anything is made of it', async () => {
    for (const [table, code] of [
      [u32(0xffff_ffff), 'LIMIT_EXCEEDED'],
      [u32(8193), 'LIMIT_EXCEEDED'],
      [u32(8192), 'FORMAT_INVALID'],
      [u32(0), 'FORMAT_INVALID'],
      [concatBytes(u32(1), u32(0xffff_ffff), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(1), u32(5), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(1), u32(3), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(2), u32(4), u32(0), u32(0)), 'FORMAT_INVALID'],
      [concatBytes(u32(2), u32(0x8000_0002), u32(0x8000_0002), u32(0)), 'FORMAT_INVALID'],
      [hex('0000'), 'FORMAT_INVALID'],
    ] as const) {
      const opened = concatBytes(u32(table.length), u32(table.length), table);
      expect(await sealedCodes((seal) => seal('stored', opened, BLOB_KINDS.bundle, table))).toEqual([code]);
    }
  });

  it('A8: the sealed length of a frame that an insider signs is checked against the frame and the limit', async () => {
    for (const [sealedLength, code] of [
      [0xffff_ffff, 'LIMIT_EXCEEDED'],
      [17_825_793, 'LIMIT_EXCEEDED'],
      [17_825_792, 'FORMAT_INVALID'],
      [7, 'FORMAT_INVALID'],
      [0, 'FORMAT_INVALID'],
    ] as const) {
      const repository = await emptyRepository();
      const insider = new Insider(repository.unlocked);
      const honest = insider.seal(utf8('content'));
      const frame = concatBytes(honest.frame.subarray(0, 72), u32(sealedLength), honest.frame.subarray(76));
      await insider.storePack([insider.blobOf(frame, honest)]);
      const { codes } = await judge(repository.storage, repository.publicKey);
      expect([sealedLength, codes]).toEqual([sealedLength, [code]]);
    }
  });

  it('A8: footer lengths in a trailer are checked before they are read', async () => {
    for (const [length, code] of [
      [0xffff_ffff, 'LIMIT_EXCEEDED'],
      [8 * MIB + 1, 'LIMIT_EXCEEDED'],
      [8 * MIB, 'OBJECT_CORRUPT'],
      [101, 'OBJECT_CORRUPT'],
      [0, 'OBJECT_CORRUPT'],
    ] as const) {
      const bytes = concatBytes(new Uint8Array(100), u32(length), utf8('NBKF'));
      const name = sha256(bytes);
      expect([length, await codeOf([`packs/${name.slice(0, 2)}/${name}` as ObjectName, bytes])]).toEqual([
        length,
        code,
      ]);
    }
  });

  it('A8: lengths in a signed footer that are no length of a frame, or do not make the pack, are refused', async () => {
    for (const [length, code] of [
      [0, 'FORMAT_INVALID'],
      [131, 'FORMAT_INVALID'],
      [132, 'OBJECT_CORRUPT'],
      [17_825_916, 'OBJECT_CORRUPT'],
      [17_825_917, 'LIMIT_EXCEEDED'],
      [64 * MIB + 1, 'LIMIT_EXCEEDED'],
      [Number.MAX_SAFE_INTEGER, 'LIMIT_EXCEEDED'],
    ] as const) {
      const repository = await emptyRepository();
      const insider = new Insider(repository.unlocked);
      const blob = insider.seal(utf8('content'));
      const { id, tag, kind } = blob;
      await insider.storePack([blob], [{ id, tag, kind, length }]);
      expect([length, (await judge(repository.storage, repository.publicKey)).codes]).toEqual([
        length,
        [code],
      ]);
    }
  });

  it('A8: a footer without blobs, with one twice or with more than its limit is refused', async () => {
    const repository = await emptyRepository();
    const insider = new Insider(repository.unlocked);
    const { id, tag, kind, frame } = insider.seal(utf8('content'));
    const row = { id, tag, kind, length: frame.length };
    const many = Array.from({ length: 65_537 }, (_, i) => ({
      ...row,
      id: toHex(concatBytes(new Uint8Array(28), u32(i))) as never,
      length: 0,
    }));
    for (const [rows, code] of [
      [[], 'FORMAT_INVALID'],
      [[row, row], 'FORMAT_INVALID'],
      [many, 'LIMIT_EXCEEDED'],
    ] as const) {
      const pack = insider.packBytes([], rows);
      const { snapshot } = { snapshot: await snapshotOf(repository.storage) };
      const attacked = plant(snapshot, [`packs/${pack.id.slice(0, 2)}/${pack.id}` as ObjectName, pack.bytes]);
      expect((await judge(await storageWith(attacked), repository.publicKey)).codes).toEqual([code]);
    }
  });

  it('A8: objects larger than their kind may be are refused without reading more than the limit', async () => {
    const { snapshot, publicKey } = await fresh();
    const megabyte = new Uint8Array(MIB);
    for (const [name, mebibytes] of [
      [`manifests/${'0'.repeat(64)}`, 1024],
      [`history/${'0'.repeat(64)}`, 1024],
      [`keys/${'0'.repeat(64)}`, 1024],
      [`leases/${'0'.repeat(32)}`, 1024],
      [`doom/${'0'.repeat(64)}`, 1024],
      [`index/${'0'.repeat(64)}`, 1024],
      [`pages/00/${'0'.repeat(64)}`, 1024],
      [`packs/00/${'0'.repeat(64)}`, 1024],
      [`epochs/1.${'0'.repeat(64)}`, 1024],
      ['repository', 1024],
    ] as const) {
      const storage = endless(await storageWith(snapshot), name as ObjectName, mebibytes * megabyte.length);
      const { refused, problems } = await judge(storage, publicKey);
      expect([name, refused?.code ?? problems.map(({ code }) => code)]).toEqual([
        name,
        refused === undefined ? ['LIMIT_EXCEEDED'] : 'LIMIT_EXCEEDED',
      ]);
      expect([name, storage.mostAsked <= 64 * MIB + 1]).toEqual([name, true]);
    }
  });

  it('A8: sizes, slices and holes of a signed entry that lie are found by verify with the vault key as by restore', async () => {
    const slices = ['first slice', 'second'].map((text) => utf8(text));
    const bundle = encodeBundle(slices);
    const content = utf8('content');
    for (const [what, lie] of Object.entries({
      'a size beyond its slices': {
        pieces: slices,
        content: [
          { row: 0, slice: 0 },
          { row: 0, slice: 1 },
        ],
        size: 99,
      },
      'a bundle as if it were a file': {
        pieces: slices.slice(0, 1),
        content: [{ row: 0 }],
        size: bundle.length,
      },
      'a slice of what is no bundle': {
        pieces: [content],
        content: [{ row: 1, slice: 0 }],
        size: content.length,
      },
      'a slice that is not there': { pieces: slices, content: [{ row: 0, slice: 2 }], size: 6 },
      'a size that data and holes do not make': {
        pieces: [content],
        content: [{ row: 1 }],
        size: 200,
        holes: [[7, 100]],
      },
    } satisfies Record<
      string,
      { pieces: Uint8Array[]; content: Entry['content']; size: number; holes?: [number, number][] }
    >)) {
      const repository = await emptyRepository();
      const insider = new Insider(repository.unlocked);
      const blobs = [insider.seal(bundle, BLOB_KINDS.bundle), insider.seal(content)];
      await insider.storePack(blobs);
      const { page } = insider.pageOf([{ path: '' }]);
      if (page.type !== 'entries') throw new Error('expected entries');
      const entry: Entry = {
        ...insider.entryOf({ path: 'f', content: '' }, 0),
        content: lie.content,
        size: lie.size,
        digest: insider.digestOf('f', lie.pieces),
        extra: 'holes' in lie ? { holes: lie.holes } : {},
      };
      const rows = blobs.map(({ id, frame, plaintextLength }) => ({
        id,
        length: frame.length,
        plaintextLength,
      }));
      const id = await insider.storePage({ ...page, blobs: rows, entries: [...page.entries, entry] });
      await insider.storeManifest([id], {
        entries: 2,
        totals: { files: 1, directories: 1, others: 0, bytes: lie.size },
      });
      const { exit, problems } = await judgeDecrypted(repository.storage, KEY_BYTES);
      expect({ what, exit, files: problems.map(({ files }) => files) }).toEqual({
        what,
        exit: 21,
        files: [['f']],
      });
      await withDirectory(async (directory) => {
        const { failed } = await restoreBackup(repository.storage, KEY_BYTES, { target: `${directory}/t` });
        expect({ what, failed: failed.map(({ path }) => path) }).toEqual({ what, failed: ['f'] });
      });
    }
  });

  it('A8: a restore of a file that declares exabytes is refused before anything is written', async () => {
    const entries: readonly ForgedEntry[] = [{ path: '' }, { path: 'f', kind: 'file', size: 2 ** 53 - 1 }];
    const repository = await emptyRepository();
    await new Insider(repository.unlocked).storeBackup(entries);
    await withDirectory(async (directory) => {
      const run = restoreBackup(repository.storage, KEY_BYTES, { target: `${directory}/t` });
      await expect(run).rejects.toMatchObject({ code: 'SPACE_INSUFFICIENT' });
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  it('A8: a file that declares a hole of exabytes takes no room, and where no file can be so long it alone fails', async () => {
    const size = 2 ** 53 - 2000;
    const entries: readonly ForgedEntry[] = [
      { path: '' },
      { path: 'f', kind: 'file', size, extra: { holes: [[0, size]] } },
      { path: 'g', kind: 'file', size: 1000, extra: { holes: [[0, 1000]] } },
    ];
    const repository = await emptyRepository();
    await new Insider(repository.unlocked).storeBackup(entries);
    await withDirectory(async (directory) => {
      const target = `${directory}/t`;
      const { failed } = await restoreBackup(repository.storage, KEY_BYTES, { target });
      expect(statSync(`${target}/g`).size).toBe(1000);
      if (failed.length === 0) expect(statSync(`${target}/f`)).toMatchObject({ size, blocks: 0 });
      else expect(failed).toMatchObject([{ path: 'f', code: 'TARGET_FAILED' }]);
    });
  });

  it('A8: lists of pages that nest deeper than the limit are a finding, for verify and for restore', async () => {
    const repository = await emptyRepository();
    const insider = new Insider(repository.unlocked);
    let id: PageId = await insider.storePage(insider.pageOf([{ path: '' }]).page);
    for (let depth = 0; depth < 5; depth += 1) {
      id = await insider.storePage({ type: 'list', dedup: 1, children: [id], blobs: [] });
    }
    const backup = await insider.storeManifest([id], {
      entries: 1,
      totals: { files: 0, directories: 1, others: 0, bytes: 0 },
    });
    const { refused, codes, problems } = await judge(repository.storage, repository.publicKey);
    expect(refused).toBeUndefined();
    expect(codes).toEqual(['LIMIT_EXCEEDED']);
    expect(problems.flatMap(({ backups }) => backups)).toEqual([backup]);
    await withDirectory(async (directory) => {
      const run = restoreBackup(repository.storage, KEY_BYTES, { target: `${directory}/t` });
      await expect(run).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    });
  });

  it('A8: lists that name one page millions of times do not make verify walk it millions of times', async () => {
    const repository = await emptyRepository();
    const insider = new Insider(repository.unlocked);
    let id: PageId = await insider.storePage(insider.pageOf([{ path: '' }]).page);
    for (let depth = 0; depth < 3; depth += 1) {
      const children = Array.from({ length: 4096 }, () => id);
      id = await insider.storePage({ type: 'list', dedup: 1, children, blobs: [] });
    }
    await insider.storeManifest([id], {
      entries: 1,
      totals: { files: 0, directories: 1, others: 0, bytes: 0 },
    });
    const startedAt = performance.now();
    const { ok } = await judge(repository.storage, repository.publicKey);
    expect(ok).toBe(false);
    // Some 200 ms, and on a busy machine more; 4096³ visits take hours.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });
});
