// Databases in WAL mode are read where they lie: each way the log can be used, and each way that must not be trusted.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { captureDatabases } from '#nbak/source/sqlite/capture.js';
import type { DatabasePin, DatabaseReading } from '#nbak/source/sqlite/database-pin.js';
import { startApplication } from './support/application.js';
import type { Application } from './support/application.js';
import { Pins, expectSameDatabase, isInPlace, lookAtLog, readSlowly } from './support/pins.js';
import { makePlaces, runWriter, startWriter, takeBytes } from './support/processes.js';
import type { Places } from './support/processes.js';

const MEGABYTE = 1_000_000;
const CREATE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)';
const INSERT =
  'WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 300) INSERT INTO t (body) SELECT randomblob(1000) FROM c';
const UPDATE = 'UPDATE t SET body = randomblob(1000) WHERE id % 7 = 0';

interface Scene {
  readonly places: Places;
  readonly path: string;
  readonly application: Application;
  readonly pins: Pins;
}

/** An application with rows in the database file and, with `inLog`, newer ones in the log. */
async function makeScene(
  inLog: 'newer pages in the log' | 'all in the file',
  pageSize = 4096,
): Promise<Scene> {
  const places = makePlaces();
  const path = join(places.source, 'a.db');
  const application = await startApplication(path, pageSize);
  for (const sql of [CREATE, INSERT, 'PRAGMA wal_checkpoint(TRUNCATE)']) await application.run(sql);
  if (inLog === 'newer pages in the log') await application.run(UPDATE);
  const pins = new Pins(places.staging);
  onTestFinished(() => pins[Symbol.asyncDispose]());
  return { places, path, application, pins };
}

/** Reads `pin` in place, doing `meanwhile` when half is read, and compares with the backup API. */
async function compare(
  pin: DatabasePin,
  path: string,
  meanwhile?: () => Promise<unknown>,
): Promise<DatabaseReading> {
  await using reading = await pin.read();
  expect(isInPlace(reading, path)).toBe(true);
  const half = Math.floor(reading.image.size / 2 / 4096) * 4096;
  const first = await readSlowly({ ...reading.image, size: half });
  await meanwhile?.();
  const bytes = await readSlowly(reading.image);
  const facts = await reading.finish();
  expect(facts).toMatchObject({ check: 'ok', journal: 'wal' });
  const copy = await pin.copy();
  expect(copy.facts).toEqual(facts);
  expect(bytes.subarray(0, half).equals(first)).toBe(true);
  expectSameDatabase(bytes, takeBytes(copy));
  return reading;
}

describe('A database in WAL mode, read in place', () => {
  test.each([512, 1024, 4096, 8192, 65_536])(
    'is what the backup API copies: pages of %i bytes, a log of megabytes, a file that ends before the database',
    async (pageSize) => {
      const { path, application, pins } = await makeScene('newer pages in the log', pageSize);
      const before = statSync(path).size;
      for (let i = 0; i < 6; i += 1) await application.run(INSERT);
      expect(statSync(`${path}-wal`).size).toBeGreaterThan(2 * MEGABYTE);
      const { image } = await compare(await pins.pin(path), path);
      expect(image.size).toBeGreaterThan(before);
      expect(image.log?.pages.length).toBeGreaterThan(20);
    },
  );

  test.runIf(process.env['SLOW'] === '1')(
    'is zero where neither file nor log holds a page: that of the lock bytes, at 1 GiB',
    async () => {
      const { path, application, pins } = await makeScene('newer pages in the log', 65_536);
      for (let i = 0; i < 11; i += 1)
        await application.run('INSERT INTO t (body) VALUES (zeroblob(100000000))');
      const { image } = await compare(await pins.pin(path), path);
      expect(image.size).toBeGreaterThan(1024 ** 3);
      expect(image.log?.pages).not.toContain(1024 ** 3 / 65_536 + 1);
    },
  );

  test('is what it was, while the application writes, checkpoints in every mode, and shrinks it with VACUUM', async () => {
    const { path, application, pins } = await makeScene('newer pages in the log');
    const pin = await pins.pin(path);
    const before = lookAtLog(path);
    const { image } = await compare(pin, path, async () => {
      await application.run('DELETE FROM t WHERE id > 20');
      for (const mode of ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE']) {
        await application.run(`PRAGMA wal_checkpoint(${mode})`);
        await application.run(UPDATE);
      }
      await application.run('VACUUM');
      await application.run('PRAGMA wal_checkpoint(TRUNCATE)');
    });
    const after = lookAtLog(path);
    expect(image.log).toBeDefined();
    expect(after.backfilled).toBe(before.frames);
    expect(after.frames).toBeGreaterThan(before.frames);
    expect(after.logSalts).toBe(before.logSalts);
  });

  test.each(['RESTART', 'TRUNCATE'])(
    'is the file alone where all was copied into it; writers then begin the log anew (%s)',
    async (mode) => {
      const { path, application, pins } = await makeScene('newer pages in the log');
      await application.run('PRAGMA wal_checkpoint(PASSIVE)');
      const pin = await pins.pin(path);
      const before = lookAtLog(path);
      expect(before.backfilled).toBe(before.frames);
      expect(before.frames).toBeGreaterThan(0);
      const { image } = await compare(pin, path, async () => {
        await application.run(`PRAGMA wal_checkpoint(${mode})`);
        for (let i = 0; i < 3; i += 1) await application.run(UPDATE);
        await application.run(INSERT);
        await application.run('PRAGMA wal_checkpoint(PASSIVE)');
      });
      const after = lookAtLog(path);
      expect(image.log).toBeUndefined();
      expect(after.indexSalts).not.toBe(before.indexSalts);
      expect(after.logSalts).not.toBe(before.logSalts);
      expect(after.frames).toBeGreaterThan(0);
      expect(after.backfilled).toBe(0);
    },
  );

  test('does not see pages of a transaction that is not committed', async () => {
    const { path, application, pins } = await makeScene('newer pages in the log');
    await application.run('PRAGMA cache_size = 5');
    await application.run('BEGIN');
    await application.run(UPDATE);
    const { image } = await compare(await pins.pin(path), path, () => application.run('ROLLBACK'));
    const { frames, logSize } = lookAtLog(path);
    expect(image.log).toBeDefined();
    expect(logSize).toBeGreaterThan(32 + (frames + 20) * 4120);
  });

  test('does not see what lies behind the last commit: pages of an older round, and bytes that are none', async () => {
    const { path, application, pins } = await makeScene('newer pages in the log');
    await application.run('UPDATE t SET body = randomblob(1000)');
    await application.run('PRAGMA wal_checkpoint(RESTART)');
    await application.run(UPDATE);
    const { frames, logSize } = lookAtLog(path);
    expect(logSize).toBeGreaterThan(32 + (frames + 20) * 4120);
    appendFileSync(`${path}-wal`, Buffer.alloc(10_000, 0xa5));
    const { image } = await compare(await pins.pin(path), path);
    expect(image.log).toBeDefined();
  });

  test('can be read by a worker thread, which gets numbers and not files', async () => {
    const { path, pins } = await makeScene('newer pages in the log');
    await using reading = await (await pins.pin(path)).read();
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ readImage }) => {
        const bytes = new Uint8Array(workerData.image.size);
        readImage(workerData.image, bytes, 0);
        parentPort.postMessage(bytes);
      });`;
    const module = new URL('../../dist/source/sqlite/image.js', import.meta.url).href;
    const worker = new Worker(code, { eval: true, workerData: { module, image: reading.image } });
    const bytes = await new Promise<Uint8Array>((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    );
    expect(Buffer.from(bytes).equals(await readSlowly(reading.image, 7))).toBe(true);
    expect(reading.image.log?.pages.length).toBeGreaterThan(5);
  });

  test('is let go when it is closed: the application can empty its log', async () => {
    const { path, application, pins } = await makeScene('newer pages in the log');
    const reading = await (await pins.pin(path)).read();
    await readSlowly(reading.image);
    expect(await reading.finish()).toMatchObject({ check: 'ok' });
    await application.run(UPDATE);
    await application.run('PRAGMA wal_checkpoint(TRUNCATE)');
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    await reading.close();
    await application.run('PRAGMA wal_checkpoint(TRUNCATE)');
    expect(statSync(`${path}-wal`).size).toBe(0);
    expect(() => fstatSync(reading.image.file)).toThrow('EBADF');
  });

  test('is found damaged at capture when it is', async () => {
    const { places, path, application } = await makeScene('newer pages in the log');
    const pageOfTable = Number(await application.run("SELECT rootpage FROM sqlite_schema WHERE name = 't'"));
    const descriptor = openSync(path, 'r+');
    writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, (pageOfTable + 2) * 4096);
    closeSync(descriptor);
    await using capture = await captureDatabases([path], {
      stagingDirectory: places.staging,
      lockWaitMs: 2000,
    });
    const [database] = capture.databases;
    if (database === undefined) throw new Error('no database');
    await using reading = await database.read();
    expect(isInPlace(reading, path)).toBe(true);
    expect(await reading.finish()).toMatchObject({ check: 'damaged' });
  });
});

describe('What is read instead of a database that cannot be read in place', () => {
  /** Reads again what the first reading was not good enough for. */
  async function expectCopyOf(before: Buffer, pin: DatabasePin): Promise<void> {
    await using reading = await pin.read();
    expect(reading.image.log).toBeUndefined();
    expectSameDatabase(await readSlowly(reading.image), before);
    expect(await reading.finish()).toMatchObject({ check: 'ok' });
    await expect(pin.copy()).rejects.toThrow(TypeError);
  }

  test('a copy, when the file was written although the pin should have prevented it', async () => {
    const { path, pins } = await makeScene('all in the file');
    const pin = await pins.pin(path);
    const reading = await pin.read();
    expect(isInPlace(reading, path)).toBe(true);
    expect(reading.image.log).toBeUndefined();
    const before = await readSlowly(reading.image);
    utimesSync(path, 1, 1);
    expect(await reading.finish()).toBeUndefined();
    await reading.close();
    await expectCopyOf(before, pin);
  });

  test.each([
    ['frames beyond the pinned ones were copied into the file', 128],
    ['the log was begun anew', 32],
  ])('a copy, when the index says that %s', async (_what, offset) => {
    const { path, pins } = await makeScene('newer pages in the log');
    const pin = await pins.pin(path);
    const reading = await pin.read();
    expect(reading.image.log).toBeDefined();
    const before = await readSlowly(reading.image);
    const index = readFileSync(`${path}-shm`).subarray(0, 136);
    overwrite(`${path}-shm`, withOtherByte(index, offset));
    expect(await reading.finish()).toBeUndefined();
    overwrite(`${path}-shm`, index);
    expect(await reading.finish()).toBeDefined();
    overwrite(`${path}-shm`, withOtherByte(index, offset));
    expect(await reading.finish()).toBeUndefined();
    overwrite(`${path}-shm`, index);
    await reading.close();
    await expectCopyOf(before, pin);
  });

  test('a copy, when the index and the log disagree', async () => {
    const { path, pins, application } = await makeScene('newer pages in the log');
    const { frames } = lookAtLog(path);
    const wal = readFileSync(`${path}-wal`);
    // The unused bytes of a page: SQLite would not mind, but it is not what was committed.
    wal[32 + (frames - 1) * 4120 + 24 + 200] = (wal[32 + (frames - 1) * 4120 + 24 + 200] ?? 0) ^ 1;
    overwrite(`${path}-wal`, wal);
    const reading = await (await pins.pin(path)).read();
    expect(isInPlace(reading, path)).toBe(false);
    await reading.close();
    await application.kill();
  });

  test('a copy of what was pinned, when another file has taken its name', async () => {
    const { places, path, pins } = await makeScene('newer pages in the log');
    const pin = await pins.pin(path);
    const other = join(places.scratch, 'other.db');
    runWriter('create', 'wal', other);
    copyFileSync(other, `${path}.new`);
    renameSync(`${path}.new`, path);
    await using reading = await pin.read();
    expect(isInPlace(reading, path)).toBe(false);
    const bytes = await readSlowly(reading.image);
    expect(await reading.finish()).toMatchObject({ check: 'ok' });
    expect(bytes.includes('PLAINTEXT-CANARY')).toBe(false);
    expect(bytes.length).toBeGreaterThan(300_000);
  });

  test('a copy, in rollback mode: the application writes again while it is read', async () => {
    const places = makePlaces();
    const path = join(places.source, 'a.db');
    runWriter('create', 'delete', path);
    const before = readFileSync(path);
    await using capture = await captureDatabases([path], {
      stagingDirectory: places.staging,
      lockWaitMs: 2000,
    });
    const [database] = capture.databases;
    if (database === undefined) throw new Error('no database');
    await using reading = await database.read();
    expect(isInPlace(reading, path)).toBe(false);
    await startWriter('transfer', 'delete', path);
    expect((await readSlowly(reading.image)).equals(before)).toBe(true);
    expect(await reading.finish()).toMatchObject({ check: 'ok', journal: 'rollback' });
    expect(readFileSync(path).equals(before)).toBe(false);
  });
});

/** The start of an index, valid in itself, with another number at `offset`. */
function withOtherByte(index: Buffer, offset: number): Buffer {
  const bytes = Buffer.from(index);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x40;
  let [a, b] = [0, 0];
  for (let i = 0; i < 40; i += 8) {
    a = (a + bytes.readUInt32LE(i) + b) >>> 0;
    b = (b + bytes.readUInt32LE(i + 4) + a) >>> 0;
  }
  bytes.writeUInt32LE(a, 40);
  bytes.writeUInt32LE(b, 44);
  bytes.copy(bytes, 48, 0, 48);
  return bytes;
}

function overwrite(path: string, bytes: Uint8Array): void {
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, 0);
  closeSync(descriptor);
}
