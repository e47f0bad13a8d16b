// Reading in place against SQLite's backup API under the same pin, while others write, checkpoint and restart the log.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { Pins, expectSameDatabase, isInPlace, lookAtLog, readSlowly } from './support/pins.js';
import { makePlaces, startProcess, takeBytes } from './support/processes.js';

const STORM = new URL('./support/storm.mjs', import.meta.url).pathname;
const SECONDS = process.env['SLOW'] === '1' ? Number(process.env['STORM_SECONDS'] ?? 240) : 9;
/** On a machine so busy that not everything happens in time. */
const MOST_SECONDS = SECONDS + 40;
/** Each pin leaves one descriptor open in the capture process, which otherwise lives for one backup. */
const PINS_PER_PROCESS = 200;

/** How often each thing that can go wrong was there to go wrong. */
const NOTHING = {
  pins: 0,
  /** Read through the log. */
  framesUsed: 0,
  /** The file alone, because all frames had been copied into it. */
  fileAlone: 0,
  /** Of these: a writer began the log anew while the file was read. */
  logRestarted: 0,
  /** Pages were copied from the log into the file while both were read. */
  checkpointedMeanwhile: 0,
  writtenMeanwhile: 0,
  /** Pages of a transaction that was never committed, or of an older round, lay behind the last commit. */
  strangeTail: 0,
  shrunk: 0,
  /** It could not be said what the pin showed. */
  copied: 0,
};

type Tally = typeof NOTHING;

function createDatabase(path: string, pageSize: number): void {
  const db = new Database(path);
  db.pragma(`page_size = ${pageSize}`);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB); CREATE INDEX byLength ON t (length(body))');
  db.close();
}

async function compareOnce(pins: Pins, path: string, tally: Tally): Promise<void> {
  const pin = await pins.pin(path);
  await using reading = await pin.read();
  tally.pins += 1;
  if (!isInPlace(reading, path)) {
    tally.copied += 1;
    await readSlowly(reading.image);
    expect(await reading.finish()).toMatchObject({ check: 'ok', journal: 'wal' });
    return;
  }
  const { log, size } = reading.image;
  const before = lookAtLog(path);
  const bytes = await readSlowly(reading.image, 20, Math.random() < 0.3 ? 15 : 2);
  const after = lookAtLog(path);
  const facts = await reading.finish();
  // Under a pin nothing can be overwritten, so that the proof must not fail either.
  expect(facts).toMatchObject({ check: 'ok', journal: 'wal' });
  const copy = await pin.copy();
  expect(copy.facts).toEqual(facts);
  expectSameDatabase(bytes, takeBytes(copy));

  if (log === undefined) tally.fileAlone += 1;
  else tally.framesUsed += 1;
  if (log === undefined && before.logSalts !== after.logSalts) tally.logRestarted += 1;
  if (log !== undefined && after.backfilled > before.backfilled) tally.checkpointedMeanwhile += 1;
  if (after.frames !== before.frames || after.indexSalts !== before.indexSalts) tally.writtenMeanwhile += 1;
  if (log !== undefined && before.logSize > 32 + before.frames * (log.pageSize + 24)) tally.strangeTail += 1;
  if (size < (sizes.get(path) ?? 0)) tally.shrunk += 1;
  sizes.set(path, size);
}

/** Without these the comparison proves little. */
function mustHappen(tally: Tally): [string, number][] {
  return Object.entries(tally).filter(([what]) => what !== 'copied');
}

const sizes = new Map<string, number>();

test('What is read in place is what the backup API copies under the same pin, whatever others do', async () => {
  const places = makePlaces();
  const tally: Tally = { ...NOTHING };
  const start = Date.now();
  const isOver = (): boolean => {
    const seconds = (Date.now() - start) / 1000;
    return seconds > MOST_SECONDS || (seconds > SECONDS && mustHappen(tally).every(([, count]) => count > 0));
  };
  const paths = [4096, 512, 65_536].map((pageSize) => {
    const path = join(places.source, `${pageSize}.db`);
    createDatabase(path, pageSize);
    return path;
  });
  const storms = paths.flatMap((path) => [
    ['churn', path],
    ['checkpoint', path],
  ]);
  await Promise.all([...storms, ['churn', paths[0] ?? '']].map((args) => startProcess(STORM, args)));
  await Promise.all(
    paths.map(async (path) => {
      while (!isOver()) {
        await using pins = new Pins(places.staging);
        for (let i = 0; i < PINS_PER_PROCESS && !isOver(); i += 1) await compareOnce(pins, path, tally);
      }
    }),
  );
  console.info(JSON.stringify(tally));
  for (const [what, count] of mustHappen(tally)) expect(count, what).toBeGreaterThan(0);
  // Most often there is no need of a copy.
  expect(tally.copied).toBeLessThan(tally.pins / 4);
});
