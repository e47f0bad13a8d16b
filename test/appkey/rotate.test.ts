/** A new app key for a stopped application, with all its tokens (§23). */

import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import { rotateAppKeys } from '#nbak/appkey/rotate/rotate.js';
import type { RotateOptions, RotationResult } from '#nbak/appkey/rotate/result.js';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { odysseus } from '#nbak/source/profiles/odysseus.js';
import { plainSource } from '#nbak/source/ruled-source.js';
import { withDirectory } from '../support/engine-run.js';
import {
  DECLARATION,
  fernetOf,
  makeApplication,
  OPENED,
  PLACES,
  PREFIX,
  tokenOf,
} from '../support/keyed-application.js';
import { buildOdysseus } from '../support/systems/odysseus.js';
import { openToken } from '../support/systems/odysseus-tokens.js';
import { allButTokens, stampOf, tokensOnDisk } from '../support/tokens-on-disk.js';

const QUIETLY: RotateOptions = { beforeRotating: () => Promise.resolve() };

describe('the rotation of an app key', () => {
  it('leaves every live token under the new keys alone, with its content and time, and dead ones as they were', () =>
    withData(async (data) => {
      const { appKey, oldKey } = buildOdysseus(data);
      const [before, rest] = [tokensOnDisk(data), allButTokens(data)];
      const result = await rotateOdysseus(data);
      const [newAppKey, newOldKey] = ['.app_key', '.key'].map((name) =>
        readFileSync(join(data, name), 'utf8'),
      );
      expect(new Set([appKey, oldKey, newAppKey, newOldKey]).size).toBe(4);

      const after = tokensOnDisk(data);
      expect(after.length).toBe(before.length);
      let live = 0;
      for (const [i, token] of before.entries()) {
        const now = after[i] ?? '';
        const content = openToken(appKey, token) ?? openToken(oldKey, token);
        if (content === undefined) expect(now).toBe(token);
        else {
          live += 1;
          expect([newAppKey, newOldKey].map((key) => openToken(key ?? '', now))).toContain(content);
          expect([appKey, oldKey].map((key) => openToken(key, now))).toEqual([undefined, undefined]);
          expect(stampOf(now)).toBe(stampOf(token));
        }
      }
      expect(live).toBeGreaterThan(14);
      expect(before.length - live).toBe(3);
      expect(allButTokens(data)).toEqual(rest);
      expect(result).toMatchObject({
        failed: 3,
        keys: [
          { name: 'odysseus', file: '.app_key' },
          { name: 'odysseus-api-keys', file: '.key' },
        ],
      });
      expect(result.places.reduce((sum, { opened }) => sum + opened, 0)).toBe(result.rotated);
    }));

  it('keeps modes, leaves nothing behind, and can be done again', () =>
    withData(async (data) => {
      makeApplication(data);
      chmodSync(join(data, 'integrations.json'), 0o640);
      const rotated = new Set<string>();
      for (let n = 0; n < 2; n += 1) {
        expect(countsOf(await rotate(data))).toEqual(PLACES);
        rotated.add(readFileSync(join(data, '.app_key'), 'utf8'));
        for (const left of ['.app_key.nbak-next', 'integrations.json.nbak-rotated', 'app.db-journal'])
          expect(existsSync(join(data, left))).toBe(false);
      }
      expect(rotated.size).toBe(2);
      expect(statSync(join(data, 'integrations.json')).mode & 0o777).toBe(0o640);
      expect(statSync(join(data, '.app_key')).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(data, 'conf/mail.yaml'), 'utf8')).toMatch(
        /^# mail\nmail:\n {2}host: .* # ours\n$/s,
      );
    }));

  it('takes the old tokens out of the database file, free pages included', () =>
    withData(async (data) => {
      makeApplication(data);
      const old = readFileSync(join(data, 'app.db'), 'latin1').match(/gAAAA[\w-]+=*/g) ?? [];
      await rotate(data);
      const now = readFileSync(join(data, 'app.db'), 'latin1');
      // One is dead, and stays.
      expect(old.filter((token) => now.includes(token))).toHaveLength(1);
    }));

  it('keeps a database in WAL mode, and its values of the type that they were', () =>
    withData(async (data) => {
      const key = makeApplication(data);
      change(data, (app) => {
        app.pragma('journal_mode = WAL');
        app
          .prepare('INSERT INTO accounts VALUES (?, ?)')
          .run('blob', Buffer.from(PREFIX + tokenOf(key, 'b')));
      });
      const { rotated } = await rotate(data);
      expect(rotated).toBe(OPENED + 1);
      change(data, (app) => {
        expect(app.pragma('journal_mode', { simple: true })).toBe('wal');
        const row = app.prepare("SELECT password FROM accounts WHERE name = 'blob'").pluck().get() as Buffer;
        expect(Buffer.isBuffer(row)).toBe(true);
        const text = fernetOf(readFileSync(join(data, '.app_key'), 'utf8')).open(row.toString().slice(4));
        expect(Buffer.from(text?.plaintext ?? []).toString()).toBe('b');
      });
    }));

  it('makes the backup first: where that fails nothing is changed', () =>
    withData(async (data) => {
      const key = makeApplication(data);
      const fails = { beforeRotating: () => Promise.reject(new Error('no backup')) };
      await expect(rotate(data, fails)).rejects.toThrow('no backup');
      expect(readFileSync(join(data, '.app_key'), 'utf8')).toBe(key);
      expect(existsSync(join(data, '.app_key.nbak-next'))).toBe(false);
      expect((await rotate(data)).rotated).toBe(OPENED);
    }));
});

describe('a rotation is refused, with nothing changed,', () => {
  it('where a process has a file of the application open, also where it came during the backup', () =>
    unchanged(async (data) => {
      const processes: ChildProcess[] = [];
      const come = async (): Promise<void> => void processes.push(await holdOpen(join(data, 'notes.md')));
      try {
        const late = rotate(data, { beforeRotating: come });
        await expect(late).rejects.toMatchObject({ code: 'TARGET_IN_USE' });
        const backups: string[] = [];
        const early = rotate(data, { beforeRotating: () => Promise.resolve(void backups.push('made')) });
        await expect(early).rejects.toMatchObject({ code: 'TARGET_IN_USE' });
        expect(backups).toEqual([]);
      } finally {
        for (const each of processes) each.kill('SIGKILL');
      }
    }));

  it('where the key comes from the environment or from .env', () =>
    unchanged(async (data) => {
      const appKeys = [
        { ...DECLARATION, from: [{ environment: 'KEYED_APPLICATION_KEY' }, ...DECLARATION.from] },
      ];
      const source = { ...plainSource(data), appKeys };
      vi.stubEnv('KEYED_APPLICATION_KEY', newAppKeyText(nodeCrypto));
      await expect(rotateAppKeys(source, QUIETLY)).rejects.toMatchObject({ code: 'APP_KEY_NOT_ROTATABLE' });
      vi.unstubAllEnvs();
      writeFileSync(join(data, '.env'), `KEYED_APPLICATION_KEY=${newAppKeyText(nodeCrypto)}\n`);
      await expect(rotateAppKeys(source, QUIETLY)).rejects.toThrow(/in the file \.env/);
    }));

  it('where there is no key, no declaration, or what is there is no key', () =>
    withData(async (data) => {
      makeApplication(data);
      const undeclared = rotateAppKeys(plainSource(data), QUIETLY);
      await expect(undeclared).rejects.toMatchObject({ code: 'APP_KEY_NOT_FOUND' });
      writeFileSync(join(data, '.app_key'), 'not a key');
      await expect(rotate(data)).rejects.toMatchObject({ code: 'APP_KEY_MALFORMED' });
      writeFileSync(join(data, '.app_key'), '');
      await expect(rotate(data)).rejects.toMatchObject({ code: 'APP_KEY_NOT_FOUND' });
    }));

  it('where the key cannot be read, which is not where there is none', () =>
    withData(async (data) => {
      makeApplication(data);
      rmSync(join(data, '.app_key'));
      symlinkSync('.app_key', join(data, '.app_key'));
      await expect(rotate(data)).rejects.toThrow(/\.app_key cannot be read: ELOOP/);
    }));

  it('where the key opens none of its tokens', () =>
    withData(async (data) => {
      makeApplication(data);
      const other = newAppKeyText(nodeCrypto);
      writeFileSync(join(data, '.app_key'), other);
      await expect(rotate(data)).rejects.toThrow(/opens none of the tokens/);
      expect(readFileSync(join(data, '.app_key'), 'utf8')).toBe(other);
    }));

  it.each(['.app_key', 'integrations.json'])('where %s has another name, or is a link', (name) =>
    unchanged(async (data) => {
      const [path, other] = [join(data, name), join(data, 'other')];
      linkSync(path, other);
      await expect(rotate(data)).rejects.toThrow(/has several names/);
      renameSync(path, join(data, 'away'));
      symlinkSync('other', path);
      await expect(rotate(data)).rejects.toThrow(/no plain file/);
    }),
  );

  it('where a token would be lost: one in JSON that is spelt in another way', () =>
    unchanged(async (data) => {
      const path = join(data, 'integrations.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('enc:gAAAA', String.raw`enc:g\u0041AAA`));
      await expect(rotate(data)).rejects.toMatchObject({ code: 'TOKEN_DEAD' });
      expect(readdirSync(data).filter((name) => name.includes('.nbak-'))).toEqual([]);
    }));

  it('where something else is in the place of the next key', () =>
    unchanged(async (data) => {
      writeFileSync(join(data, '.app_key.nbak-next'), 'x'.repeat(44));
      await expect(rotate(data)).rejects.toThrow(/holds no Fernet key/);
    }));
});

function rotateOdysseus(data: string): Promise<RotationResult> {
  return rotateAppKeys({ ...plainSource(data), appKeys: odysseus.appKeys }, QUIETLY);
}

function rotate(data: string, options = QUIETLY): Promise<RotationResult> {
  return rotateAppKeys({ ...plainSource(data), appKeys: [DECLARATION] }, options);
}

/** A process that has a file open. */
async function holdOpen(path: string): Promise<ChildProcess> {
  const program = 'require("fs").openSync(process.argv[1]); console.log("open"); setInterval(() => {}, 1e6)';
  const child = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

function withData(use: (data: string) => Promise<void>): Promise<void> {
  return withDirectory((directory) => use(join(directory, 'data')));
}

/** Runs `use` on an application whose key and tokens must be the same afterwards. */
function unchanged(use: (data: string) => Promise<void>): Promise<void> {
  return withData(async (data) => {
    const key = makeApplication(data);
    const database = readFileSync(join(data, 'app.db'));
    await use(data);
    expect(readFileSync(join(data, '.app_key'), 'utf8')).toBe(key);
    expect(readFileSync(join(data, 'app.db')).equals(database)).toBe(true);
  });
}

function countsOf({ places }: RotationResult): Record<string, { opened: number; failed: number }> {
  return Object.fromEntries(places.map(({ place, opened, failed }) => [place, { opened, failed }]));
}

function change(data: string, act: (app: Database.Database) => void): void {
  const app = new Database(join(data, 'app.db'));
  act(app);
  app.close();
}
