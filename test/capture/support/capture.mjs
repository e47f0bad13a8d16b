// Captures databases in a process of its own, so that a test can choose its user and kill it.
// usage: node capture.mjs DIST STAGING OUT PATH…   writes OUT/<n>.db and prints one line of JSON; with OUT = '-'
// it prints "ready" as soon as the first copy has begun and then copies for ever.
import { closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, stagingDirectory, out, ...paths] = process.argv.slice(2);
const load = (module) => import(pathToFileURL(join(dist, 'source/sqlite', module)).href);
const { captureDatabases } = await load('capture.js');
const { readImage } = await load('image.js');

async function once() {
  const capture = await captureDatabases(paths, { stagingDirectory, lockWaitMs: 5000 });
  if (out === '-') process.stdout.write('ready\n');
  const results = [];
  for (const database of capture.databases) {
    const { path, outcome, message } = database;
    const result = { path, outcome, message };
    results.push(result);
    if (outcome !== 'pinned') continue;
    if (out === '-') {
      closeSync((await database.copy()).descriptor);
      continue;
    }
    const reading = await database.read();
    const bytes = Buffer.alloc(reading.image.size);
    readImage(reading.image, bytes, 0);
    result.facts = await reading.finish();
    await reading.close();
    writeFileSync(join(out, `${paths.indexOf(path)}.db`), bytes);
  }
  await capture.close();
  return { cut: capture.cut, results };
}

if (out === '-') while (true) await once();
process.stdout.write(`${JSON.stringify(await once())}\n`);
