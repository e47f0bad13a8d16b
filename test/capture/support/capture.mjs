// Captures databases in a process of its own, so that a test can choose its user and kill it.
// usage: node capture.mjs DIST STAGING OUT PATH…   writes OUT/<n>.db and prints one line of JSON; with OUT = '-'
// it prints "ready" as soon as the first copy has begun and then copies for ever.
import { closeSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, stagingDirectory, out, ...paths] = process.argv.slice(2);
const { captureDatabases } = await import(pathToFileURL(join(dist, 'source/sqlite/capture.js')).href);

async function once() {
  const capture = await captureDatabases(paths, { stagingDirectory, lockWaitMs: 5000 });
  if (out === '-') process.stdout.write('ready\n');
  const results = [];
  for (const database of capture.databases) {
    const { path, outcome, message } = database;
    const result = { path, outcome, message };
    results.push(result);
    if (outcome !== 'pinned') continue;
    const copy = await database.copy();
    result.facts = copy.facts;
    const bytes = Buffer.alloc(copy.size);
    readSync(copy.descriptor, bytes, 0, copy.size, 0);
    closeSync(copy.descriptor);
    if (out !== '-') writeFileSync(join(out, `${paths.indexOf(path)}.db`), bytes);
  }
  await capture.close();
  return { cut: capture.cut, results };
}

if (out === '-') while (true) await once();
process.stdout.write(`${JSON.stringify(await once())}\n`);
