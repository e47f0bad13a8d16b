/**
 * Repositories made by an earlier build and committed: the present build must verify and restore them. Until the
 * format is frozen they may be made again (UPDATE_FIXTURES=1, and a line in the CHANGELOG).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROGRAM = new URL('../../dist/program/nbak.js', import.meta.url).pathname;
const FIXTURES = new URL('../../fixtures/repos/2.0-draft/', import.meta.url).pathname;
const MODES = ['plain', 'sealed'] as const;

interface Expected {
  readonly vaultKey: string;
  readonly verificationKey: string;
  /** SHA-256 of each file but databases, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly rows: number;
}

let work = '';
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'nbak-draft-'));
  if (process.env['UPDATE_FIXTURES'] === '1') for (const names of MODES) makeFixture(names);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function nbak(args: readonly string[], environment: Readonly<Record<string, string>>): string {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: work,
    NBAK_CACHE_DIR: join(work, 'cache'),
    ...environment,
  };
  return execFileSync(process.execPath, [PROGRAM, ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe.each(MODES)('the draft repository with %s names', (names) => {
  const read = (): Expected =>
    JSON.parse(readFileSync(join(FIXTURES, names, 'expected.json'), 'utf8')) as Expected;
  // A copy: reading must not need to write, and a bug must not damage the fixture.
  const repository = (): string => {
    const copy = join(work, `${names}-copy`);
    if (!existsSync(copy)) cpSync(join(FIXTURES, names, 'repository'), copy, { recursive: true });
    return copy;
  };

  it('verifies with its public key alone', () => {
    const { verificationKey } = read();
    const verdict = JSON.parse(
      nbak(['verify', '-r', repository(), '--public-key', verificationKey, '--json'], {}),
    ) as {
      readonly ok: boolean;
      readonly backups: number;
    };
    expect(verdict).toMatchObject({ ok: true, backups: 2, problems: [] });
  });

  it('opens every blob, compares every file and checks the database with its vault key', () => {
    const { vaultKey, files } = read();
    const verdict = JSON.parse(
      nbak(['verify', '-r', repository(), '--decrypt', '--json'], { NBAK_VAULT_KEY: vaultKey }),
    ) as unknown;
    expect(verdict).toMatchObject({ ok: true, decrypted: { databases: 2, notCheckable: [] } });
    expect(Object.keys(files).length).toBeGreaterThan(3);
  });

  it('restores to what was backed up', () => {
    const { vaultKey, files, rows } = read();
    const target = join(work, `${names}-restored`);
    nbak(['restore', 'latest', '--host', 'fixture', '-r', repository(), '--target', target], {
      NBAK_VAULT_KEY: vaultKey,
    });
    expect(hashTree(target)).toEqual(files);
    const database = new Database(join(target, 'state.db'), { readonly: true });
    expect(database.prepare('SELECT count(*) AS rows FROM notes').get()).toEqual({ rows });
    database.close();
  });
});

/** A small tree with everything the format tells apart: bundle, whole chunk, cut chunks, database, link, empty file. */
function makeFixture(names: (typeof MODES)[number]): void {
  const home = join(FIXTURES, names);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const source = join(work, `${names}-source`);
  mkdirSync(join(source, 'notes'), { recursive: true });
  for (let i = 0; i < 20; i += 1)
    writeFileSync(join(source, 'notes', `${i}.md`), `# Note ${i}\n${'text '.repeat(i * 7)}\n`);
  writeFileSync(join(source, 'empty'), '');
  writeFileSync(join(source, 'whole.txt'), 'one chunk '.repeat(10_000));
  writeFileSync(
    join(source, 'cut.log'),
    Array.from({ length: 60_000 }, (_, i) => `line ${i} of a log that is cut by content\n`).join(''),
  );
  const database = new Database(join(source, 'state.db'));
  database.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)');
  const insert = database.prepare('INSERT INTO notes (text) VALUES (?)');
  for (let i = 0; i < 500; i += 1) insert.run(`row ${i}`);

  const vaultKey = nbak(['key', 'generate', '--quiet'], {}).trim();
  const repository = join(home, 'repository');
  const env = { NBAK_VAULT_KEY: vaultKey };
  const made = JSON.parse(nbak(['init', '-r', repository, '--names', names, '--json'], env)) as {
    readonly verificationKey: string;
  };
  const backUp = (): string => nbak(['backup', '-r', repository, '--host', 'fixture', source], env);
  backUp();
  insert.run('the second backup has this row');
  writeFileSync(join(source, 'notes', 'new.md'), 'and this note\n');
  backUp();
  database.close();
  const expected: Expected = {
    vaultKey,
    verificationKey: made.verificationKey,
    files: hashTree(source),
    rows: 501,
  };
  writeFileSync(join(home, 'expected.json'), `${JSON.stringify(expected, null, 2)}\n`);
}

function hashTree(directory: string, prefix = ''): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) Object.assign(hashes, hashTree(path, `${prefix}${name}/`));
    else if (!name.startsWith('state.db'))
      hashes[prefix + name] = createHash('sha256').update(readFileSync(path)).digest('hex');
  }
  return hashes;
}
