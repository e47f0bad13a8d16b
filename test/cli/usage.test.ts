/** Wrong usage, and places that are no repository or not the expected one. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { decodeCbor, encodeCbor, type CborValue } from '#nbak/format/cbor.js';
import { decodeAnyEnvelope, SIGNED_TYPES } from '#nbak/format/cose.js';
import { LIMITS } from '#nbak/format/limits.js';
import { openWithVaultKey } from '#nbak/repository/open.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { makePlace, parseLine, writeTree, type ErrorJson, type Place } from '../support/cli.js';
import { describeTree } from '../support/tree.js';

const WRONG: readonly (readonly string[])[] = [
  ['no-such-command'],
  ['list', '--no-such-option'],
  ['list', 'too', 'many'],
  ['show'],
  ['backup'],
  ['key'],
  ['restore', 'latest'],
  ['cat', 'latest'],
  ['init', '--names', 'secret'],
  ['list', '--threads', 'many'],
  ['backup', 'DIR', '--lock-wait', 'soon'],
  ['backup', 'DIR', '--exclude-file', '/no/such/file'],
  ['verify', '--max-age', '26'],
  ['restore', 'latest', '--target', 'out', '--check', 'maybe'],
];

describe('wrong usage', () => {
  it.each(WRONG.map((args) => [args.join(' '), args] as const))(
    'ends `nbak %s` with exit 2, and with --json prints an error document and nothing else',
    async (_title, args) => {
      const place = await makePlace();
      const env = { NBAK_REPOSITORY: place.repository, NBAK_VAULT_KEY: place.key };
      writeTree(place.source, { a: 'a' });
      const real = args.map((arg) => (arg === 'DIR' ? place.source : arg));
      const [plain, json] = await Promise.all([
        place.run(real, { env }),
        place.run([...real, '--json'], { env }),
      ]);
      expect(plain).toMatchObject({ exit: 2, stdout: '' });
      expect(plain.stderr).not.toBe('');
      expect(json).toMatchObject({ exit: 2, stderr: '' });
      expect(parseLine<ErrorJson>(json).error.code).toBe('USAGE_INVALID');
    },
  );

  it('is also to name no repository', async () => {
    const place = await makePlace({ init: false });
    expect(await place.run(['list'])).toMatchObject({ exit: 2, stdout: '' });
  });

  it('is not to ask for help or the version', async () => {
    const place = await makePlace({ init: false });
    const version = await place.run(['--version']);
    expect(version).toMatchObject({ exit: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    for (const args of [['--help'], ['help'], ['backup', '--help'], ['help', 'restore'], ['key', '--help']]) {
      const outcome = await place.run(args);
      expect(outcome).toMatchObject({ exit: 0, stderr: '' });
      expect(outcome.stdout).toContain('Usage: nbak');
    }
  });
});

describe('a place that is no repository', () => {
  it('ends every command with exit 10, in one line, and stays as it was', async () => {
    const place = await makePlace({ init: false });
    const empty = place.path('empty');
    mkdirSync(empty);
    const before = describeTree(place.source);
    for (const where of [empty, place.path('absent'), place.keyFile, place.source]) {
      for (const args of [['list'], ['backup', place.source], ['verify', '--json']]) {
        const outcome = await place.run([...args, '-r', where], { env: { NBAK_VAULT_KEY: place.key } });
        expect(outcome.exit, `${args.join(' ')} ${where}`).toBe(10);
        expect(outcome.stdout + outcome.stderr).toContain('REPOSITORY_NOT_FOUND');
      }
    }
    expect(describeTree(empty)).toHaveLength(1);
    expect(describeTree(place.source)).toEqual(before);
  });

  it('is not taken by init when something else is there, nor is a repository made anew', async () => {
    const place = await makePlace();
    const before = describeTree(place.repository);
    const error = await place.json<ErrorJson>(1, 'init');
    expect(error.error.code).toBe('REPOSITORY_EXISTS');
    expect(describeTree(place.repository)).toEqual(before);

    writeTree(place.source, { mine: 'precious' });
    const outcome = await place.run(['init', '-r', place.source], { env: { NBAK_VAULT_KEY: place.key } });
    expect(outcome.exit).toBe(1);
    expect(outcome.stderr).toContain('REPOSITORY_EXISTS');
    expect(readFileSync(join(place.source, 'mine'), 'utf8')).toBe('precious');
  });
});

describe('a repository that this version cannot read', () => {
  it.each([
    ['other bytes', (bytes: Buffer) => Buffer.from('something else'.padEnd(bytes.length)), [20]],
    ['nothing in it', () => Buffer.alloc(0), [20]],
    ['one bit of its signature flipped', (bytes: Buffer) => flipped(bytes, bytes.length - 3), [20, 21]],
  ] as const)(
    'with %s in `repository` is refused in one line, whichever key is given',
    async (_, change, exits) => {
      const place = await makePlace();
      writeTree(place.source, { a: 'a' });
      const key = await place.publicKey();
      const file = join(place.repository, 'repository');
      chmodSync(file, 0o600);
      writeFileSync(file, change(readFileSync(file)));
      for (const env of [{ NBAK_VAULT_KEY: place.key }, { NBAK_PUBLIC_KEY: key }]) {
        const outcome = await place.run(['verify', '-r', place.repository, '--json'], { env });
        expect(exits).toContain(outcome.exit);
        expect(parseLine<ErrorJson>(outcome).error.message).not.toContain('\n');
      }
      const backup = await place.run(['backup', place.source, '-r', place.repository], {
        env: { NBAK_VAULT_KEY: place.key },
      });
      expect(exits).toContain(backup.exit);
    },
  );
});

describe('a repository of a newer format', () => {
  it('ends every command with exit 13 and one line, and is left alone', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    await place.backup();
    await signAsFormat(place, 3);
    const before = describeTree(place.repository);
    const env = { NBAK_VAULT_KEY: place.key, NBAK_REPOSITORY: place.repository };
    for (const args of [
      ['list'],
      ['verify'],
      ['backup', place.source],
      ['restore', 'latest', '--target', 'out'],
    ]) {
      const outcome = await place.run(args, { env });
      expect(outcome.exit, args[0]).toBe(13);
      expect(outcome.stderr).toMatch(/^nbak: [^\n]+ \[FORMAT_NEWER\]\n( {6}[^\n]+\n)?$/);
    }
    expect(describeTree(place.repository)).toEqual(before);
  });
});

/** Replaces `repository` by one that states another format, validly signed. */
async function signAsFormat(place: Place, format: number): Promise<void> {
  const storage = await openLocalStorage(place.repository, { mode: 'existing' });
  const { secrets } = await openWithVaultKey(storage, nodeCrypto, parseVaultKey(place.key));
  await storage.close();
  const file = join(place.repository, 'repository');
  const { payload } = decodeAnyEnvelope(readFileSync(file), LIMITS.recordBytes, 'repository');
  const fields = new Map(decodeCbor(payload, 'repository') as ReadonlyMap<string, CborValue>).set(
    'format',
    format,
  );
  chmodSync(file, 0o600);
  writeFileSync(file, secrets.adminSigner.sign(SIGNED_TYPES.repository, encodeCbor(fields)));
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}
