/** A rotation that was cut off, at whatever point, is finished by running it again (§23.3). */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import { rotateAppKeys } from '#nbak/appkey/rotate/rotate.js';
import type { RotateOptions, RotationResult, RotationStep } from '#nbak/appkey/rotate/result.js';
import { newAppKeyText } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import type { AppKeyDeclaration } from '#nbak/source/profiles/app-keys.js';
import { plainSource } from '#nbak/source/ruled-source.js';
import { withDirectory } from '../support/engine-run.js';
import { DECLARATION, makeApplication, OPENED, tokenOf } from '../support/keyed-application.js';
import { openToken } from '../support/systems/odysseus-tokens.js';
import { tokensOnDisk } from '../support/tokens-on-disk.js';

/** A second key, with a database and a file of its own. */
const SECOND: AppKeyDeclaration = {
  name: 'second',
  from: [{ file: '.second_key' }],
  tokens: [
    { in: 'database', path: 'second.db', table: 't', column: 'token' },
    { in: 'file', path: 'second.json', format: 'json', field: 'token' },
  ],
};
const APP_KEYS = [DECLARATION, SECOND];
const ALL = OPENED + 2;

/** What happens in order: two databases and three files are written, two keys put in place. */
const STEPS: readonly RotationStep[] = [
  'backed-up',
  'key-made',
  'prepared',
  ...Array<RotationStep>(5).fill('written'),
  'checked',
  ...Array<RotationStep>(2).fill('key-in-place'),
];
const POINTS = STEPS.map((step, i) => [i, step] as const);

describe('a rotation that is cut off', () => {
  it('says what it does, step by step', () =>
    withApplication(async (data) => {
      const steps: RotationStep[] = [];
      await rotate(data, { ...QUIETLY, onProgress: (step) => steps.push(step) });
      expect(steps).toEqual(STEPS);
    }));

  it.each(POINTS.slice(2, 6))('by an error at point %i (%s) is finished by the next', (point) =>
    withApplication(async (data) => {
      let n = 0;
      const onProgress = (): void => {
        if (n++ === point) throw new Error('cut off');
      };
      await expect(rotate(data, { ...QUIETLY, onProgress })).rejects.toThrow('cut off');
      await assertFinishes(data);
    }),
  );

  it.each(POINTS)('by kill -9 at point %i (%s) is finished by the next', (point) =>
    withApplication(async (data) => {
      expect(killAt(data, point)).toBe('SIGKILL');
      await assertFinishes(data);
    }),
  );

  it('while its next key was written draws another', () =>
    withApplication(async (data) => {
      writeFileSync(join(data, '.app_key.nbak-next'), 'only-the-begin');
      await assertFinishes(data);
    }));

  it('heeds a signal while nothing is changed', () =>
    withApplication(async (data) => {
      const stopping = new AbortController();
      const beforeRotating = (): Promise<void> => {
        stopping.abort();
        return Promise.resolve();
      };
      const run = rotate(data, { beforeRotating, signal: stopping.signal });
      await expect(run).rejects.toMatchObject({ code: 'INTERRUPTED' });
      expect(readdirSync(data).filter((name) => name.includes('.nbak-'))).toEqual([]);
    }));

  it('by what the system says tells whether tokens were changed', () =>
    withApplication(async (data) => {
      const broken = (at: RotationStep): Promise<RotationResult> =>
        rotate(data, {
          ...QUIETLY,
          onProgress: (step) => {
            if (step === at) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
          },
        });
      await expect(broken('prepared')).rejects.toMatchObject({
        code: 'TARGET_FAILED',
        hint: 'No token was changed. Remove the cause, then run it again.',
      });
      await expect(broken('written')).rejects.toMatchObject({
        code: 'TARGET_FAILED',
        hint: expect.stringContaining('Leave the application stopped') as string,
      });
      await assertFinishes(data);
    }));
});

const QUIETLY: RotateOptions = { beforeRotating: () => Promise.resolve() };

/** The databases are let go a moment after the process that rotated is gone. */
function rotateOnceFree(data: string): Promise<RotationResult> {
  return vi.waitFor(() => rotate(data, QUIETLY), { timeout: 120_000 });
}

function rotate(data: string, options: RotateOptions): Promise<RotationResult> {
  return rotateAppKeys({ ...plainSource(data), appKeys: APP_KEYS }, options);
}

/** Rotates in a process that is killed at one point, and says which signal ended it. */
function killAt(data: string, point: number): string | null {
  const program = `
    import { rotateAppKeys } from '#nbak/appkey/rotate/rotate.js';
    let n = 0;
    await rotateAppKeys(${JSON.stringify({ ...plainSource(data), appKeys: APP_KEYS })}, {
      beforeRotating: async () => {},
      onProgress: () => { if (n++ === ${point}) process.kill(process.pid, 'SIGKILL'); },
    });`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' }).signal;
}

/** The next run rotates everything, leaves nothing behind, and what it leaves opens with the keys that are there. */
async function assertFinishes(data: string): Promise<void> {
  const { rotated, failed } = await rotateOnceFree(data);
  expect({ rotated, failed }).toEqual({ rotated: ALL, failed: 1 });
  expect(readdirSync(data).filter((name) => /\.nbak-|-journal$|-wal$/.test(name))).toEqual([]);
  expect(existsSync(join(data, 'conf/mail.yaml.nbak-rotated'))).toBe(false);
  // By the keys as they are on the disk alone; one token lies in a YAML file.
  const keys = ['.app_key', '.second_key'].map((name) => readFileSync(join(data, name), 'utf8').trim());
  const open = tokensOnDisk(data).filter((token) => keys.some((key) => openToken(key, token) !== undefined));
  expect(open).toHaveLength(ALL - 1);
}

function withApplication(use: (data: string) => Promise<void>): Promise<void> {
  return withDirectory(async (directory) => {
    const data = join(directory, 'data');
    makeApplication(data);
    const second = newAppKeyText(nodeCrypto);
    writeFileSync(join(data, '.second_key'), `${second}\n`);
    writeFileSync(join(data, 'second.json'), JSON.stringify({ token: tokenOf(second, 'file') }));
    const database = new Database(join(data, 'second.db'));
    database.exec('CREATE TABLE t (token TEXT)');
    database.prepare('INSERT INTO t VALUES (?)').run(tokenOf(second, 'row'));
    database.close();
    await use(data);
  });
}
