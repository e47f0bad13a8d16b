/** Every single operation on the storage fails once during a forget: what is left is never called taken back. */

import { beforeAll, describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { isNbakError } from '#nbak/errors.js';
import type { BackupId } from '#nbak/format/ids.js';
import { LIMITS } from '#nbak/format/limits.js';
import { listBackupIds, readBackup, readTombstones } from '#nbak/repository/manifests.js';
import { manifestName } from '#nbak/repository/object-names.js';
import { openWithPublicKey, openWithVaultKey } from '#nbak/repository/open.js';
import { createPackChecker } from '#nbak/repository/workers/pack-checker.js';
import { forget } from '#nbak/retention/forget.js';
import { planForget } from '#nbak/retention/plan.js';
import type { ObjectName, Storage } from '#nbak/storage/storage.js';
import { verify } from '#nbak/verify/verify.js';
import { headMemory, judge } from '../support/engine-run.js';
import { faultyStorage, type Effect, type Fault } from '../support/faulty-storage.js';
import { storageWith } from '../support/snapshots.js';
import { KEY_BYTES, repositoryOf } from '../support/tiny-repository.js';

let made: Awaited<ReturnType<typeof repositoryOf>>;
beforeAll(async () => {
  made = await repositoryOf([{ a: '1' }, { a: '2' }, { a: '3' }]);
});

/** A copy of three backups, the heads of which a verifier has seen. */
async function makeHistory() {
  const { backups, publicKey, snapshot } = made;
  const storage = await storageWith(snapshot);
  const heads = headMemory();
  const judgement = () => judge(storage, publicKey, heads);
  expect(await judgement()).toMatchObject({ ok: true });
  const present = async () => listBackupIds(await openWithPublicKey(storage, nodeCrypto, publicKey));
  return { storage, backups, publicKey, judgement, present };
}

/** Forgets through `faults`, opening the repository anew as a new process would. */
async function forgetThrough(storage: Storage, ids: readonly BackupId[], faults: readonly Fault[] = []) {
  const through = faultyStorage(storage, faults);
  const repository = await openWithVaultKey(through, nodeCrypto, KEY_BYTES);
  const result = await forget(repository, await planForget(repository, ids));
  return { result, through };
}

async function names(storage: Storage, prefix: string): Promise<readonly ObjectName[]> {
  const found: ObjectName[] = [];
  for await (const { name } of storage.list(prefix)) found.push(name);
  return found;
}

const EFFECTS: readonly (readonly [string, Effect])[] = [
  ['fails without effect', { kind: 'fail', when: 'before' }],
  ['has its effect and fails', { kind: 'fail', when: 'after' }],
  ['is the last thing before a crash', { kind: 'crash', when: 'after' }],
];

describe('a forget of which the n-th operation', () => {
  it.each(EFFECTS)(
    '%s, for every n, ends in a clear error, leaves a history that verifies, and goes well the next time',
    async (_, effect) => {
      const clean = await makeHistory();
      const { through } = await forgetThrough(clean.storage, clean.backups.slice(0, 2));
      const { length } = through.operations;
      expect(length).toBeGreaterThan(8);
      let leftOver = 0;
      for (let nth = 1; nth <= length; nth += 1) {
        const { storage, backups, judgement, present } = await makeHistory();
        const chosen = backups.slice(0, 2);
        const error: unknown = await forgetThrough(storage, chosen, [{ nth, effect }]).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(isNbakError(error), String(nth)).toBe(true);
        expect((await judgement()).problems, `after operation ${nth}`).toEqual([]);
        const begun = (await names(storage, 'history/')).length > 0;
        if (begun && (await present()).length === 3) leftOver += 1;
        // Forgetting another one finishes what was begun, and only that.
        await forgetThrough(storage, [backups[2] as BackupId]);
        expect(await present()).toEqual(begun ? [] : [...chosen].sort());
        expect((await judgement()).problems).toEqual([]);
      }
      expect(leftOver).toBeGreaterThan(0);
    },
  );
});

describe('forget', () => {
  it('stores the tombstone before it deletes a manifest, and deletes nothing else', async () => {
    const { storage, backups } = await makeHistory();
    const before = await names(storage, '');
    const { through } = await forgetThrough(storage, backups.slice(0, 2));
    const changes = through.operations.filter(({ operation }) => ['put', 'delete'].includes(operation));
    expect(changes.map(({ operation, name }) => `${operation} ${name.split('/')[0] ?? ''}`)).toEqual([
      'put history',
      'delete manifests',
      'delete manifests',
    ]);
    const gone = before.filter((name) => !new Set(changes.map((change) => change.name)).has(name));
    expect((await names(storage, '')).filter((name) => !name.startsWith('history/')).sort()).toEqual(
      gone.sort(),
    );
  });

  it('may take all backups, heads too: sequences go on', async () => {
    const { storage, backups, judgement, present } = await makeHistory();
    await forgetThrough(storage, backups);
    expect(await judgement()).toMatchObject({ ok: true });
    expect(await present()).toEqual([]);
  });

  it('writes several tombstones where one could grow beyond its limit', async () => {
    const { storage, backups } = await makeHistory();
    const repository = await openWithVaultKey(storage, nodeCrypto, KEY_BYTES);
    const { manifest } = await readBackup(repository, backups[0] as BackupId);
    const idOf = (i: number): BackupId => i.toString(16).padStart(64, '0') as BackupId;
    const parents = Array.from({ length: LIMITS.parents }, (_, i) => idOf(i));
    const many = Array.from({ length: 101 }, (_, i) => ({ id: idOf(i), manifest: { ...manifest, parents } }));
    await forget(repository, { backups: many, leftOver: [] });
    expect(await names(storage, 'history/')).toHaveLength(2);
    const rows = await readTombstones(repository, (_, error) => {
      throw error;
    });
    expect(rows).toHaveLength(101);
  });

  it('leaves a manifest that is deleted without a tombstone to be found', async () => {
    const { storage, backups, judgement } = await makeHistory();
    await forgetThrough(storage, backups.slice(0, 1));
    await storage.delete(manifestName(backups[2] as BackupId));
    expect(await judgement()).toMatchObject({ exit: 22, codes: ['TAKEN_BACK'] });
  });

  it('refuses a backup that was never there, and one whose manifest cannot be read', async () => {
    const { storage, backups, judgement } = await makeHistory();
    const absent = 'f'.repeat(64) as BackupId;
    await expect(forgetThrough(storage, [absent])).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    const name = manifestName(backups[0] as BackupId);
    const damaged = faultyStorage(storage, [
      { on: ['get'], prefix: name, nth: 'every', effect: { kind: 'flip', bit: 999 } },
    ]);
    await expect(forgetThrough(damaged, [backups[0] as BackupId])).rejects.toMatchObject({
      code: 'OBJECT_CORRUPT',
    });
    expect(await judgement()).toMatchObject({ ok: true });
    expect(await names(storage, 'history/')).toEqual([]);
  });

  it('is no damage for a verification that runs meanwhile', async () => {
    // The verifier has listed everything; then the backups go.
    const { storage, backups, publicKey } = await makeHistory();
    let listed = false;
    const meanwhile = faultyStorage(storage, []);
    meanwhile.listForeign = async function* () {
      yield* storage.listForeign();
      await forgetThrough(storage, backups.slice(1));
      listed = true;
    };
    const repository = await openWithPublicKey(meanwhile, nodeCrypto, publicKey);
    const { problems } = await verify(repository, {
      packs: createPackChecker(0),
      backups: [],
      heads: headMemory(),
    });
    expect(listed).toBe(true);
    expect(problems).toEqual([]);
  });
});
