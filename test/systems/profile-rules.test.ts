/** The profiles of the four systems against their directories: what travels, what stays out, what is outside. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TokenPlace } from '#nbak/source/profiles/app-keys.js';
import { odysseus } from '#nbak/source/profiles/odysseus.js';
import { reportOn } from '#nbak/source/profiles/report.js';
import { buildChaosCypher } from '../support/systems/chaos-cypher.js';
import { contentOf } from '../support/systems/databases.js';
import type { BuiltSystem } from '../support/systems/files.js';
import { buildLynox } from '../support/systems/lynox.js';
import { LYNOX_VAULT_KEY } from '../support/systems/lynox-secrets.js';
import { buildNodyn } from '../support/systems/nodyn.js';
import { buildOdysseus } from '../support/systems/odysseus.js';
import { buildOmicos } from '../support/systems/omicos.js';
import { backedUpByProfile, profileRequest } from '../support/systems/profiled.js';
import { testDirectory } from '../support/systems/scene.js';

const SYSTEMS: readonly (readonly [string, string, (root: string) => BuiltSystem])[] = [
  ['nodyn', 'nodyn', buildNodyn],
  ['lynox', 'nodyn', buildLynox],
  ['Chaos Cypher', 'chaos-cypher', buildChaosCypher],
  ['Odysseus', 'odysseus', buildOdysseus],
];

describe('nodyn and lynox by their profile', () => {
  it('N-21: a file that holds the vault key in use is left out and named; the application’s own key travels', async () => {
    const inUse = await backedUpByProfile(buildLynox, { vaultKey: LYNOX_VAULT_KEY });
    const named = inUse.profiled.leftOut.map(({ path }) => path);
    expect(named.sort()).toEqual(['.env', 'vault.key'].map((name) => join(inUse.built.root, name)));
    const target = await inUse.restore();
    expect(existsSync(join(target, inUse.built.vaultKeyFile)) || existsSync(join(target, '.env'))).toBe(
      false,
    );
    const other = await backedUpByProfile(buildLynox, { vaultKey: 'another key, and a long one at that' });
    expect(other.profiled.leftOut).toEqual([]);
    expect(existsSync(join(await other.restore(), 'vault.key'))).toBe(true);
  });

  it.each(SYSTEMS)(
    'NB-18: every file of %s is captured, or left out for a reason that is told',
    async (_, name, build) => {
      const { built, profiled, restore } = await backedUpByProfile(build);
      expect(profiled.profile).toBe(name);
      const target = await restore();
      for (const path of built.kept) expect(existsSync(join(target, path)), path).toBe(true);
      for (const path of built.never) expect(existsSync(join(target, path)), path).toBe(false);
      const { leftOut } = reportOn(profileRequest(built.root));
      for (const path of [...built.kept, ...built.secret, ...built.optional, ...built.never]) {
        if (existsSync(join(target, path))) continue;
        const reason = leftOut.find(
          (each) => path === each.path || (each.path.endsWith('/') && path.startsWith(each.path)),
        );
        expect(reason?.why, path).toMatch(/\w/);
      }
      for (const { path } of built.databases.filter(({ path }) => !path.endsWith('.pre_restore')))
        expect(contentOf(join(target, path)), path).toEqual(contentOf(join(built.root, path)));
    },
  );
});

describe('Odysseus by its profile', () => {
  it('O-10: models, packages and caches stay out', async () => {
    const { built, restore } = await backedUpByProfile(buildOdysseus);
    const target = await restore();
    for (const path of built.optional) expect(existsSync(join(target, path)), path).toBe(false);
    for (const path of ['uploads/2026/scan.pdf', 'personal_docs/runbook.md', 'deep_research/run-1.json'])
      expect(existsSync(join(target, path)), path).toBe(true);
  });
});

describe('the tokens of Odysseus', () => {
  it('lie, all of them, in places that the profile declares: columns, and fields at whatever depth', () => {
    const built = buildOdysseus(join(testDirectory(), 'state'));
    const places = odysseus.appKeys.flatMap(({ tokens }) => tokens);
    const declared = (place: string): boolean => places.some((each) => patternOf(each).test(place));
    const columns = Object.keys(built.places).flatMap(
      (place) => /^app\.db (.+)$/.exec(place)?.slice(1) ?? [],
    );
    expect(columns.length).toBe(10);
    const fields = built.secret
      .concat('settings.json')
      .filter((path) => path.endsWith('.json'))
      .flatMap((path) => tokenFields(JSON.parse(readFileSync(join(built.root, path), 'utf8')), path));
    expect(fields.length).toBe(8);
    expect(
      [...columns.map((column) => `app.db ${column}`), ...fields].filter((place) => !declared(place)),
    ).toEqual([]);
  });

  /** What a declaration matches, of `app.db table.column` and `file.json a.0.b`. */
  function patternOf(place: TokenPlace): RegExp {
    const text = place.in === 'database' ? `${place.table}.${place.column}` : place.field;
    const source = text.split('.').map((part) => (part === '*' ? '[^.]+' : escaped(part)));
    return new RegExp(`^${escaped(place.path)} ${source.join('\\.')}$`);
  }

  function escaped(text: string): string {
    return text.replace(/[^\w/-]/g, '\\$&');
  }

  /** The places in a JSON file that hold something like a token. */
  function tokenFields(value: unknown, path: string, at: readonly string[] = []): string[] {
    if (typeof value === 'string') return /^(enc:)?gAAAA/.test(value) ? [`${path} ${at.join('.')}`] : [];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, inner]) => tokenFields(inner, path, [...at, key]));
  }
});

describe('omicos by its profile', () => {
  const PARTS = ['.omicos', 'projects/analysis/.omicos', 'projects/imaging/.omicos'];
  const NAMES = ['.omicos', '.omicos-2', '.omicos-3'];

  it('MB-02: caches of the cloud and what is built anew stay out; all that is the user’s is in', async () => {
    const { built, restore } = await backedUpByProfile(buildOmicos, { sources: PARTS });
    const target = await restore();
    for (const path of built.kept) expect(existsSync(join(target, restoredPath(path))), path).toBe(true);
    for (const name of ['cloud-agents', 'cloud-skills', 'cloud-models', 'cloud-memory', 'env', 'updater'])
      expect(existsSync(join(target, '.omicos', name)), name).toBe(false);
  });

  /** Where a file of the home lies in a restore of the three parts. */
  function restoredPath(path: string): string {
    const part = PARTS.findIndex((each) => path.startsWith(`${each}/`));
    return join(NAMES[part] ?? '', path.slice((PARTS[part] ?? '').length));
  }
});
