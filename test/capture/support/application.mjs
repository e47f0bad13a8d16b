// An application that does what a test says, in a process of its own.
// usage: node application.mjs PATH PAGE_SIZE   runs each line of stdin, one statement as a JSON string; answers with one
// line of JSON: the first value of the first row, how many rows changed, or {"error": …}.
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';

const [path, pageSize] = process.argv.slice(2);
const db = new Database(path, { timeout: 50 });
db.pragma(`page_size = ${pageSize}`);
db.pragma('journal_mode = WAL');
db.pragma('wal_autocheckpoint = 0');
db.pragma('synchronous = OFF');
process.stdout.write('ready\n');

function run(sql) {
  try {
    const statement = db.prepare(sql);
    return statement.reader ? statement.raw().get()?.[0] : statement.run().changes;
  } catch (error) {
    return { error: error.message };
  }
}

createInterface({ input: process.stdin }).on('line', (line) =>
  process.stdout.write(`${JSON.stringify(run(JSON.parse(line)) ?? null)}\n`),
);
