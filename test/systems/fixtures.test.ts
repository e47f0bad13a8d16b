/** The built directories are what they say they are: the other tests compare against these facts. */

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  buildChaosCypher,
  findChunks,
  nearestChunks,
  vectorOf,
  WORD_OF_ALL,
} from '../support/systems/chaos-cypher.js';
import { contentOf, withCopy } from '../support/systems/databases.js';
import type { BuiltSystem } from '../support/systems/files.js';
import { buildLynox } from '../support/systems/lynox.js';
import { ColumnCipher, openVaultValue } from '../support/systems/lynox-secrets.js';
import { buildNodyn, taskOf } from '../support/systems/nodyn.js';
import { buildOdysseus } from '../support/systems/odysseus.js';
import { openToken } from '../support/systems/odysseus-tokens.js';
import { buildOmicos } from '../support/systems/omicos.js';
import { allBytes, describeTree } from '../support/tree.js';

const BUILDERS: Readonly<Record<string, (root: string) => BuiltSystem>> = {
  nodyn: buildNodyn,
  lynox: buildLynox,
  'Chaos Cypher': buildChaosCypher,
  Odysseus: buildOdysseus,
  omicos: buildOmicos,
};

describe.each(Object.entries(BUILDERS))('the built directory of %s', (_, build) => {
  it('has every file it names, and no other but sidecars; its databases are sound; it is below 2 MB', () => {
    const built = build(emptyDirectory());
    const named = [...built.kept, ...built.secret, ...built.optional, ...built.never];
    for (const path of named) expect(existsSync(join(built.root, path)), path).toBe(true);
    const files = describeTree(built.root)
      .filter((line) => / [0-9a-f]{64}$/.test(line))
      .map((line) => JSON.parse(/^"[^"]*"/.exec(line)?.[0] ?? '""') as string);
    const databases = built.databases.map(({ path }) => path);
    const beside = files.filter((path) => !named.includes(path) && !databases.includes(path));
    expect(
      beside.filter((path) => !/-(wal|shm)$/.test(path) && !path.startsWith('projects/analysis/')),
    ).toEqual([]);
    for (const { path } of built.databases) expect(contentOf(join(built.root, path)).integrity).toBe('ok');
    expect(allBytes(built.root).length).toBeLessThan(2_000_000);
  });

  it('is the same twice: names, modes, files and what its databases hold', () => {
    const [one, two] = [build(emptyDirectory()), build(emptyDirectory())];
    const describeFiles = ({ root }: BuiltSystem): string[] =>
      describeTree(root, { times: false }).filter(
        (line) => !/\.(db|sqlite3)(\.pre_restore)?(-wal|-shm)?" /.test(line),
      );
    expect(describeFiles(one)).toEqual(describeFiles(two));
    for (const { path } of one.databases)
      expect(contentOf(join(one.root, path))).toEqual(contentOf(join(two.root, path)));
  });

  it('has commits in the logs of its databases that are in no database file', () => {
    const { root, databases } = build(emptyDirectory());
    for (const { path, rowsInLog } of databases) {
      const file = join(root, path);
      if (rowsInLog === 0) {
        expect(existsSync(`${file}-wal`)).toBe(false);
        continue;
      }
      const whole = sum(contentOf(file).rows);
      expect(statSync(`${file}-wal`).size).toBeGreaterThan(4096);
      rmSync(`${file}-wal`);
      expect(whole - sum(contentOf(file).rows)).toBeGreaterThanOrEqual(rowsInLog);
    }
  });
});

describe('what the built directories encrypt', () => {
  it('opens with the vault key of either era and no other: columns and vault', () => {
    for (const era of ['nodyn', 'lynox'] as const) {
      const { root, vaultKey, oneSecret } = (era === 'nodyn' ? buildNodyn : buildLynox)(emptyDirectory());
      withCopy(join(root, 'history.db'), (db) => {
        const tasks = db.prepare('SELECT task_text FROM runs ORDER BY rowid').pluck().all() as string[];
        expect(tasks.map((task) => new ColumnCipher(era, 'history', vaultKey).open(task))).toEqual(
          tasks.map((__, n) => taskOf(n)),
        );
        const other = new ColumnCipher(era === 'nodyn' ? 'lynox' : 'nodyn', 'history', vaultKey);
        expect(tasks.filter((task) => other.open(task) !== undefined)).toEqual([]);
      });
      withCopy(join(root, 'vault.db'), (db) =>
        expect(openVaultValue(db, oneSecret.name)).toBe(oneSecret.value),
      );
    }
  });

  it('is counted by place: tokens of the key at hand, of a lost one, and values that are none', () => {
    const { root, appKey, oldKey, places } = buildOdysseus(emptyDirectory());
    expect(readFileSync(join(root, '.app_key'), 'latin1')).toBe(appKey);
    expect([appKey.length, oldKey.length]).toEqual([44, 44]);
    const texts = tokenTexts(root);
    const totals = Object.values(places).reduce(
      (all, { live, dead }) => ({ live: all.live + live, dead: all.dead + dead }),
      { live: 0, dead: 0 },
    );
    const opened = texts.filter((text) => openToken(appKey, text) !== undefined);
    expect({ live: opened.length, dead: texts.length - opened.length }).toEqual(totals);
    const stored = JSON.parse(readFileSync(join(root, 'api_keys.json'), 'utf8')) as { openai: string };
    expect(openToken(oldKey, stored.openai)).toBe('hello');
  });
});

describe('what the built knowledge base finds', () => {
  it('by FTS5 and by vec0, in the file and in its log', () => {
    const { root, chunks } = buildChaosCypher(emptyDirectory());
    withCopy(join(root, 'databases/default/app.db'), (db) => {
      expect(findChunks(db, WORD_OF_ALL).length).toBe(chunks);
      expect(findChunks(db, `chunk${chunks - 1}`)).toEqual([`c-${chunks - 1}`]);
      expect(nearestChunks(db, vectorOf(chunks - 1), 1)).toEqual([`c-${chunks - 1}`]);
    });
  });
});

/** Every `enc:` value of the directory, whatever holds it. */
function tokenTexts(root: string): string[] {
  const columns = withCopy(join(root, 'app.db'), (db) =>
    ['model_endpoints', 'provider_auth_sessions', 'mcp_servers', 'signatures', 'email_accounts'].flatMap(
      (table) => (db.prepare(`SELECT * FROM ${table}`).raw().all() as unknown[][]).flat().map(String),
    ),
  );
  const files = ['integrations.json', 'user_prefs.json', 'embedding_endpoint.json', 'settings.json'];
  const strings = files.flatMap((name) => [
    ...readFileSync(join(root, name), 'utf8').matchAll(/"(enc:[^"]+)"/g),
  ]);
  return [...columns, ...strings.map(([, text = '']) => text)]
    .filter((text) => text.startsWith('enc:'))
    .map((text) => text.slice(4));
}

function sum(rows: Readonly<Record<string, number>>): number {
  return Object.values(rows).reduce((total, count) => total + count, 0);
}

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-system-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'root');
}
