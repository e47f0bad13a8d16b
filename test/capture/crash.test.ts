import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { captureDatabases } from '#nbak/source/sqlite/capture.js';
import {
  allBytes,
  makePlaces,
  runWriter,
  startProcess,
  startWriter,
  takeBytes,
} from './support/processes.js';

const CAPTURE = new URL('./support/capture.mjs', import.meta.url).pathname;
const DIST = new URL('../../dist', import.meta.url).pathname;
const CANARY = 'PLAINTEXT-CANARY';
const KILLS = process.env['SLOW'] === '1' ? 200 : 15;

function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/**
 * Waits until processes have ended, for ever where one stays. One that nobody has waited for yet is a zombie; while other threads of it are still
 * ending, its files, and the locks on them, are not closed.
 */
async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(isRunning)) await sleep(20);
}

/** Its children, once it is halted: then it starts no other, and what ends stays until it is told. */
async function childrenOfHalted(pid: number): Promise<number[]> {
  process.kill(pid, 'SIGSTOP');
  const state = (): string => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1] ?? '';
  while (!state().startsWith('T')) await sleep(1);
  return children(pid);
}

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const isZombie = /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    return !isZombie || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** One of each way to plaintext: in place (rollback, WAL), copied at rest, copied with a log, with a journal. */
function makeSource(source: string): string[] {
  const at = (name: string): string => join(source, name);
  runWriter('create', 'delete', at('rollback.db'));
  runWriter('create', 'wal', at('rest.db'));
  runWriter('leave-wal', at('leftover.db'));
  runWriter('leave-journal', at('hot.db'));
  return ['rollback.db', 'rest.db', 'leftover.db', 'hot.db', 'live.db'].map(at);
}

describe('Kill -9', () => {
  test('of parent and child at any moment leaves no plaintext, and the next run removes what is left', async () => {
    const places = makePlaces();
    const paths = makeSource(places.source);
    await startWriter('hold', join(places.source, 'live.db'));
    for (let round = 0; round < KILLS; round += 1) {
      const running = await startProcess(CAPTURE, [DIST, places.staging, '-', ...paths]);
      await sleep(Math.random() * 400);
      const pid = running.child.pid ?? 0;
      const helpers = await childrenOfHalted(pid);
      for (const helper of helpers) process.kill(helper, 'SIGKILL');
      process.kill(pid, 'SIGKILL');
      await gone([pid, ...helpers]);
      const left = allBytes(places.staging);
      expect(left).not.toContain(CANARY);
      expect(left).not.toContain('HALF-DONE');
    }
    await using capture = await captureDatabases(paths, {
      stagingDirectory: places.staging,
      lockWaitMs: 60_000,
    });
    expect(capture.databases.map(({ outcome }) => outcome)).toEqual(paths.map(() => 'pinned'));
    expect(readdirSync(places.staging)).toHaveLength(1);
  });

  test('of the parent alone ends the child, which removes its directory and lets go of its pins', async () => {
    const places = makePlaces();
    const path = join(places.source, 'rollback.db');
    runWriter('create', 'delete', path);
    const running = await startProcess(CAPTURE, [DIST, places.staging, '-', path]);
    const helpers = children(running.child.pid ?? 0);
    await running.kill();
    await gone(helpers);
    expect(readdirSync(places.staging)).toEqual([]);
    const db = new Database(path, { timeout: 0 });
    db.exec('UPDATE counter SET n = 1');
    db.close();
  });

  test('of the parent alone ends a child that is at work, too, once it has an answer that nobody takes', async () => {
    const places = makePlaces();
    const path = join(places.source, 'rollback.db');
    runWriter('create', 'delete', path);
    const running = await startProcess(CAPTURE, [DIST, places.staging, '-', path]);
    let helpers: readonly number[] = [];
    // Between two captures there is none.
    while (helpers.length === 0) {
      await sleep(1);
      helpers = children(running.child.pid ?? 0);
    }
    for (const helper of helpers) process.kill(helper, 'SIGSTOP');
    // The next request waits in the channel.
    await sleep(100);
    await running.kill();
    for (const helper of helpers) process.kill(helper, 'SIGCONT');
    await gone(helpers);
    expect(readdirSync(places.staging)).toEqual([]);
  });

  test('of the child gives a clear error for what is not copied yet, and closing cleans up', async () => {
    const places = makePlaces();
    const paths = makeSource(places.source).slice(0, 2);
    const capture = await captureDatabases(paths, { stagingDirectory: places.staging, lockWaitMs: 60_000 });
    const helpers = children(process.pid).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('source/sqlite/child.js'),
    );
    expect(helpers).toHaveLength(1);
    for (const helper of helpers) process.kill(helper, 'SIGKILL');
    for (const database of capture.databases) {
      await expect(database.copy()).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringContaining('SIGKILL') as string,
      });
    }
    await capture.close();
    expect(readdirSync(places.staging)).toEqual([]);
  });
});

describe('Cleaning up', () => {
  test('directories of others and of living runs stay', async () => {
    const places = makePlaces();
    runWriter('create', 'wal', join(places.source, 'a.db'));
    const options = { stagingDirectory: places.staging, lockWaitMs: 1000 };
    await using first = await captureDatabases([join(places.source, 'a.db')], options);
    const [name = ''] = readdirSync(places.staging);
    const dead = name.replace(/capture-\d+-/, 'capture-4194304-');
    for (const made of [dead, 'nbak-capture-mine', 'other'])
      mkdirSync(join(places.staging, made), { mode: 0o700 });
    mkdirSync(join(places.staging, dead.replace(/.$/, 'f').replace(/.{2}$/, 'ee')), { mode: 0o755 });
    await (await captureDatabases([], options)).close();
    const left = readdirSync(places.staging);
    expect(left).toEqual(expect.arrayContaining([name, 'nbak-capture-mine', 'other']));
    expect(left).not.toContain(dead);
    expect(left).toHaveLength(4);
    const copy = await first.databases[0]?.copy();
    expect(copy && takeBytes(copy).length).toBeGreaterThan(0);
  });

  test('an abort ends a capture that waits for a lock, at once and without leftovers', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    await startWriter('lock', 'exclusive', path);
    const controller = new AbortController();
    const options = { stagingDirectory: places.staging, lockWaitMs: 60_000, signal: controller.signal };
    setTimeout(() => controller.abort(), 200);
    const start = Date.now();
    await expect(captureDatabases([path], options)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(Date.now() - start).toBeLessThan(options.lockWaitMs);
    expect(readdirSync(places.staging)).toEqual([]);
  });

  test('a descriptor that was handed out outlives the capture', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('create', 'delete', path);
    const capture = await captureDatabases([path], { stagingDirectory: places.staging, lockWaitMs: 1000 });
    const copy = await capture.databases[0]?.copy();
    await capture.close();
    rmSync(places.staging, { recursive: true });
    expect(copy && takeBytes(copy).toString('latin1')).toContain(CANARY);
  });
});
