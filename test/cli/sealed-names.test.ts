/** A repository with sealed names, end to end: what the storage shows, what goes without the vault key, what needs it. */

import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decompress } from '#nbak/compression/zstd.js';
import { makePlace, parseLine, type Json, type Place } from '../support/cli.js';
import { describeTree } from '../support/tree.js';

const HOST = 'host-canary-5f1c9a';
const TAG = 'tag-canary-77b0d2';
const ROOT = 'root-canary-c83e41';
const DIRECTORY = 'directory-canary-19fa60';
const FILE = 'file-canary-e2d7b8.txt';
const PATTERN = 'pattern-canary-4b6a3e';
const CANARIES = [HOST, TAG, ROOT, DIRECTORY, FILE, PATTERN];

interface Sealed {
  readonly place: Place;
  readonly source: string;
  readonly publicKey: string;
  readonly id: string;
}

/** Two backups of a source whose every name is a canary. */
async function sealedPlace(names: 'plain' | 'sealed' = 'sealed'): Promise<Sealed> {
  const place = await makePlace({ init: false });
  const { verificationKey: publicKey } = await place.json<{ verificationKey: string }>(
    0,
    'init',
    '--names',
    names,
  );
  const source = join(place.source, ROOT);
  mkdirSync(join(source, DIRECTORY), { recursive: true });
  writeFileSync(join(source, DIRECTORY, FILE), 'the content');
  for (let i = 0; i < 300; i += 1) writeFileSync(join(source, `f${i}`), `file ${i}`);
  const labels = ['--host', HOST, '--tag', TAG, '--exclude', PATTERN];
  await place.nbak(0, 'backup', source, ...labels);
  writeFileSync(join(source, DIRECTORY, FILE), 'the content, changed');
  const { id } = await place.json<{ id: string }>(0, 'backup', source, ...labels);
  return { place, source, publicKey, id };
}

/** Every byte of a repository that a thief can read: objects, their names, and what compressed ones hold. */
function visible(repository: string): string {
  const parts: Buffer[] = [];
  for (const name of readdirSync(repository, { recursive: true }) as string[]) {
    parts.push(Buffer.from(name));
    const path = join(repository, name);
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    parts.push(bytes);
    const isCompressed = /^NBK[PI]/.test(bytes.toString('latin1', 0, 4)) && bytes[5] === 1;
    if (isCompressed)
      parts.push(Buffer.from(decompress(bytes.subarray(10), bytes.readUInt32BE(6)) ?? 'damaged'));
  }
  return Buffer.concat(parts).toString('latin1');
}

/** Runs the program with the public key and no vault key. */
async function asVerifier(
  { place, publicKey }: Sealed,
  exit: number,
  ...args: readonly string[]
): Promise<string> {
  const outcome = await place.run([...args, '-r', place.repository], { env: { NBAK_PUBLIC_KEY: publicKey } });
  expect(outcome, args.join(' ')).toMatchObject({ exit });
  return outcome.stdout + outcome.stderr;
}

describe('sealed names', () => {
  it('leave no host, root, tag, pattern, directory or file name in any object; plain names do leave them', async () => {
    const sealed = visible((await sealedPlace('sealed')).place.repository);
    expect(CANARIES.filter((canary) => sealed.includes(canary))).toEqual([]);
    // The search finds what is there.
    const plain = visible((await sealedPlace('plain')).place.repository);
    expect(CANARIES.filter((canary) => plain.includes(canary))).toEqual(CANARIES);
  });

  it('let the public key list, show, verify and judge age, naming nothing', async () => {
    const sealed = await sealedPlace();
    const list = parseLine<{ verified: boolean; backups: readonly Json[] }>({
      exit: 0,
      stdout: await asVerifier(sealed, 0, 'list', '--json'),
      stderr: '',
    });
    expect(list.verified).toBe(true);
    // What decides over keeping and removing is public: times, counts, sizes, order; not whose backup it is.
    expect(list.backups).toHaveLength(2);
    for (const backup of list.backups) {
      expect(backup).toMatchObject({
        host: null,
        roots: null,
        tags: null,
        cut: null,
        files: 301,
        directories: 2,
      });
      expect(backup).toMatchObject({ purpose: 'ordinary', epoch: 1 });
      expect(typeof backup['time']).toBe('string');
    }
    expect(list.backups.map(({ sequence }) => sequence)).toEqual([2, 1]);
    const outputs = [
      await asVerifier(sealed, 0, 'list'),
      await asVerifier(sealed, 0, 'show', sealed.id),
      await asVerifier(sealed, 0, 'verify'),
      await asVerifier(sealed, 0, 'verify', '--max-age', '1h'),
      await asVerifier(sealed, 22, 'verify', '--max-age', '1ms'),
    ];
    for (const text of outputs) for (const canary of CANARIES) expect(text).not.toContain(canary);
  });

  it('need the vault key for ls, cat and restore, and give everything back with it', async () => {
    const sealed = await sealedPlace();
    const { place, source, id } = sealed;
    const path = `${DIRECTORY}/${FILE}`;
    for (const args of [
      ['ls', id],
      ['cat', id, path],
      ['restore', id, '--target', place.path('none')],
    ])
      expect(await asVerifier(sealed, 12, ...args)).toContain('KEY_MISSING');

    expect((await place.nbak(0, 'ls', id)).stdout).toContain(path);
    expect((await place.nbak(0, 'ls', 'latest', '--host', HOST)).stdout).toContain(path);
    expect((await place.nbak(0, 'cat', id, path)).stdout).toBe('the content, changed');
    const list = (await place.nbak(0, 'list', '--tag', TAG)).stdout;
    for (const shown of [HOST, TAG, ROOT]) expect(list).toContain(shown);
    const { target } = await place.restore(0, '--host', HOST);
    expect(describeTree(target)).toEqual(describeTree(source));
    await place.nbak(0, 'verify', '--decrypt');
  });

  it('share pages between backups: one that found nothing changed adds at most 64 KiB', async () => {
    const { place, source } = await sealedPlace();
    const directory = join(source, 'many');
    mkdirSync(directory);
    const past = new Date(Date.now() - 60_000);
    for (let i = 0; i < 20_000; i += 1) {
      const file = join(directory, `a file with a rather long name, number ${i}`);
      writeFileSync(file, String(i));
      utimesSync(file, past, past);
    }
    const backup = () =>
      place.json<{ bytesAdded: number; filesTotal: number }>(0, 'backup', source, '--host', HOST);
    const first = await backup();
    expect(first.filesTotal).toBe(20_301);
    // Its list alone is far more than what the next one adds.
    expect(first.bytesAdded).toBeGreaterThan(512 * 1024);
    const before = sizeOf(place.repository);
    const second = await backup();
    expect(second.bytesAdded).toBeLessThanOrEqual(64 * 1024);
    expect(sizeOf(place.repository) - before).toBeLessThanOrEqual(64 * 1024);
  });
});

/** Bytes of all files below a directory. */
function sizeOf(directory: string): number {
  return (readdirSync(directory, { recursive: true }) as string[])
    .map((name) => statSync(join(directory, name)))
    .filter((stat) => stat.isFile())
    .reduce((sum, { size }) => sum + size, 0);
}
