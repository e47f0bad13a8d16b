import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { captureDatabases } from '#nbak/source/sqlite/capture.js';
import { makePlaces, runWriter, startProcess } from './support/processes.js';

const TERABYTE = 1024 ** 4;

describe('Space', () => {
  test.each(['wal', 'delete'])(
    'that a %s database would need and that is not there is an error with the numbers',
    async (mode) => {
      const places = makePlaces();
      const path = join(places.source, 'a.db');
      runWriter('create', mode, path);
      const descriptor = openSync(path, 'r+');
      ftruncateSync(descriptor, 8 * TERABYTE);
      closeSync(descriptor);
      const capture = captureDatabases([path], { stagingDirectory: places.staging, lockWaitMs: 500 });
      await expect(capture).rejects.toMatchObject({
        code: 'SPACE_INSUFFICIENT',
        details: { needed: 8 * TERABYTE + 8 * 1024 * 1024, free: expect.any(Number) as number },
      });
      expect(readdirSync(places.staging)).toEqual([]);
    },
  );

  test.runIf(process.env['SLOW'] === '1')('of memory stays bounded for a database of 2 GB', async () => {
    const places = makePlaces();
    for (const mode of ['wal', 'delete']) {
      const path = join(places.source, `${mode}.db`);
      const db = new Database(path);
      db.pragma(`journal_mode = ${mode}`);
      db.pragma('synchronous = OFF');
      db.exec('CREATE TABLE t (x)');
      const insert = db.prepare('INSERT INTO t VALUES (randomblob(1000000))');
      for (let i = 0; i < 2000; i += 1) insert.run();
      if (mode === 'delete') db.close();
      const script = new URL('./support/capture.mjs', import.meta.url).pathname;
      const dist = new URL('../../dist', import.meta.url).pathname;
      const running = await startProcess(script, [dist, places.staging, '-', path]);
      const pid = running.child.pid ?? 0;
      const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
      await new Promise((resolve) => setTimeout(resolve, 4000));
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child}/status`, 'latin1'))?.[1];
      expect(Number(peak)).toBeLessThan(200_000);
      if (mode === 'wal') db.close();
    }
  });
});
