// Puts V8's code beside the files of dist/program: with the functions that the usual commands run.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const program = fileURLToPath(new URL('../../dist/program', import.meta.url));
const { load, codeOf } = require(join(program, 'code-cache.js'));
const Database = require('better-sqlite3');

const place = mkdtempSync(join(tmpdir(), 'nbak-build-'));
const [source, target, key, repository, cache] = ['source', 'target', 'key', 'repository', 'cache'].map(
  (name) => join(place, name),
);
Object.assign(process.env, { NBAK_REPOSITORY: repository, NBAK_CACHE_DIR: cache });
const withKey = ['--vault-key-file', key];

try {
  makeSource();
  process.argv.splice(2, Infinity, '--version');
  load('./nbak.main.js');
  await run('key', 'generate', '--out', key);
  await run('init', ...withKey);
  await run('backup', source, ...withKey);
  writeFileSync(join(source, 'notes', '1.md'), 'changed');
  await run('backup', source, ...withKey);
  await run('backup', source, ...withKey);
  await run('list', ...withKey);
  await run('verify', ...withKey);
  await run('restore', 'latest', '--target', target, ...withKey);
  // Threads and processes run what this one did not: of that, at least the files are compiled. Where the program starts
  // it says its version, in less time than checking the code would take.
  const withCode = readdirSync(program).filter((name) => name.endsWith('.js') && !name.startsWith('nbak.'));
  for (const name of withCode) writeFileSync(join(program, `${name}.code`), codeOf(name));
} finally {
  rmSync(place, { recursive: true, force: true });
}

function makeSource() {
  mkdirSync(join(source, 'notes'), { recursive: true });
  for (let i = 0; i < 200; i += 1) writeFileSync(join(source, 'notes', `${i}.md`), `note ${i} `.repeat(i));
  writeFileSync(join(source, 'upload'), Buffer.alloc(6 * 1024 * 1024, 'an upload of some length '));
  const database = new Database(join(source, 'chat.db'));
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE chat (text TEXT)');
  const insert = database.prepare('INSERT INTO chat VALUES (?)');
  for (let i = 0; i < 2000; i += 1) insert.run(`message ${i} `.repeat(20));
  database.close();
}

async function run(...args) {
  process.argv.splice(2, Infinity, ...args, '--json');
  const exit = await load('./program.js').runProgram();
  if (exit !== 0) throw new Error(`nbak ${args.join(' ')} exits with ${exit}`);
}
