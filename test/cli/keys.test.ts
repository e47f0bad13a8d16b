/** Where keys come from, and what happens with wrong ones. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatVaultKey, parseVaultKey } from '#nbak/vault/vault-key.js';
import { makePlace, parseLine, writeTree, type ErrorJson, type Outcome, type Place } from '../support/cli.js';
import { describeTree } from '../support/tree.js';

/** One clear line, and perhaps one that says what to do. */
function expectClear({ stderr, stdout }: Outcome, code: string): void {
  expect(stdout).toBe('');
  expect(stderr).toMatch(new RegExp(`^nbak: [^\\n]+ \\[${code}\\]\\n(      [^\\n]+\\n)?$`));
}

const OTHER_KEY = formatVaultKey(new Uint8Array(32).fill(9));

describe('key generate', () => {
  it('writes a file that its owner alone may read, and never over a file', async () => {
    const place = await makePlace({ init: false });
    const file = place.path('new.key');
    expect(await place.run(['key', 'generate', '--out', file])).toMatchObject({ exit: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, 'utf8');
    expect(parseVaultKey(before.trimEnd())).toHaveLength(32);
    const again = await place.run(['key', 'generate', '--out', file]);
    expect(again.exit).toBe(1);
    expectClear(again, 'TARGET_FAILED');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('prints another key each time', async () => {
    const place = await makePlace({ init: false });
    const keys = await Promise.all([1, 2].map(() => place.run(['key', 'generate', '--quiet'])));
    expect(new Set(keys.map(({ stdout }) => stdout)).size).toBe(2);
    for (const { stdout } of keys) expect(stdout).toMatch(/^nbakkey1[a-z0-9]{58}\n$/);
  });
});

describe('the vault key', () => {
  const publicOf = async (place: Place, args: readonly string[], key?: string): Promise<Outcome> =>
    place.run(['key', 'public', '-r', place.repository, ...args], { env: { NBAK_VAULT_KEY: key } });

  it('comes from the environment, a file or a command, and an option beats the environment', async () => {
    const place = await makePlace();
    const right = { exit: 0, stdout: `${await place.publicKey()}\n` };
    expect(await publicOf(place, [], place.key)).toMatchObject(right);
    expect(await publicOf(place, ['--vault-key-file', place.keyFile])).toMatchObject(right);
    expect(await publicOf(place, ['--vault-key-command', `cat '${place.keyFile}'`])).toMatchObject(right);
    expect(await publicOf(place, ['--vault-key-file', place.keyFile], OTHER_KEY)).toMatchObject(right);
    expect(await publicOf(place, ['--vault-key-command', `echo ${OTHER_KEY}`], place.key)).toMatchObject({
      exit: 12,
    });
  });

  it('may not come from two options, nor be an argument', async () => {
    const place = await makePlace();
    const two = ['--vault-key-file', place.keyFile, '--vault-key-command', `cat '${place.keyFile}'`];
    const outcome = await publicOf(place, two);
    expect(outcome.exit).toBe(2);
    expectClear(outcome, 'USAGE_INVALID');
    for (const flag of ['--vault-key', '--key', '--password'])
      expect(await publicOf(place, [flag, place.key])).toMatchObject({ exit: 2 });
  });

  it('is told apart: none given, wrong, mistyped, a public key, an unreadable file, a failing command', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    await place.backup();
    const before = describeTree(place.repository);
    const flipped = place.key.slice(0, 20) + (place.key[20] === 'q' ? 'p' : 'q') + place.key.slice(21);
    const cases: readonly (readonly [string, readonly string[], string | undefined])[] = [
      ['KEY_MISSING', [], undefined],
      ['KEY_MISSING', [], ''],
      ['KEY_WRONG', [], OTHER_KEY],
      ['KEY_WRONG', [], 'some other secret of somebody'],
      ['KEY_MALFORMED', [], flipped],
      ['KEY_MALFORMED', [], place.key.slice(0, -1)],
      ['KEY_MALFORMED', [], await place.publicKey()],
      ['KEY_MISSING', ['--vault-key-file', place.path('absent')], undefined],
      ['KEY_MISSING', ['--vault-key-command', 'exit 3'], undefined],
      ['KEY_MISSING', ['--vault-key-command', 'true'], undefined],
    ];
    const outcomes = await Promise.all(
      cases.map(([, args, key]) =>
        place.run(['backup', place.source, '-r', place.repository, ...args], {
          env: { NBAK_VAULT_KEY: key },
        }),
      ),
    );
    for (const [i, [code, , key]] of cases.entries()) {
      const outcome = outcomes[i];
      if (outcome === undefined) throw new Error('no outcome');
      expect(outcome.exit, code).toBe(12);
      expectClear(outcome, code);
      if (key) expect(outcome.stderr).not.toContain(key.slice(8, 40));
    }
    expect(describeTree(place.repository)).toEqual(before);
    await place.verify(0);
  });

  it('is refused at init when it could be guessed, and nothing is created', async () => {
    const place = await makePlace({ init: false });
    for (const key of ['password', 'correct horse', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']) {
      const outcome = await place.run(['init', '-r', place.repository], { env: { NBAK_VAULT_KEY: key } });
      expect(outcome.exit).toBe(2);
      expectClear(outcome, 'KEY_GUESSABLE');
      expect(outcome.stderr).not.toContain(key);
    }
    expect(describeTree(place.directory).filter((line) => line.includes('"repository'))).toEqual([]);
  });

  it('may be any unguessable string, as other programs make them', async () => {
    const place = await makePlace({ init: false });
    const env = { NBAK_VAULT_KEY: 'cGHk3U/2xwPmTqv9sZ0bYd7LrEoAfJ1N', NBAK_REPOSITORY: place.repository };
    expect(await place.run(['init'], { env })).toMatchObject({ exit: 0 });
    writeTree(place.source, { a: 'a' });
    expect(await place.run(['backup', place.source], { env })).toMatchObject({ exit: 0 });
    // One line end at the end of a file is not part of the key.
    writeFileSync(place.keyFile, `${env.NBAK_VAULT_KEY}\n`);
    const list = await place.run(['list', '-r', place.repository, '--vault-key-file', place.keyFile]);
    expect(list).toMatchObject({ exit: 0, stderr: '' });
  });

  it('appears in the arguments of no process, in no output and in no file', async () => {
    const place = await makePlace();
    writeTree(
      place.source,
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${String(i)}`, String(i)])),
    );
    const seen = new Set<string>();
    const run = place.start([
      'backup',
      place.source,
      '-r',
      place.repository,
      '--vault-key-command',
      `cat '${place.keyFile}'`,
    ]);
    const look = (): void => {
      for (const line of commandLines(run.child.pid ?? 0)) seen.add(line);
    };
    look();
    const watching = setInterval(look, 2);
    const outcome = await run.ended;
    clearInterval(watching);
    expect(outcome.exit).toBe(0);
    expect(seen.size).toBeGreaterThan(0);
    const secret = place.key.slice(8);
    expect([...seen].filter((line) => line.includes(secret))).toEqual([]);
    expect(outcome.stdout + outcome.stderr).not.toContain(secret);
  });
});

describe('the public key', () => {
  it('is given as text, as a file or by the environment', async () => {
    const place = await makePlace();
    const key = await place.publicKey();
    const file = place.path('public.key');
    writeFileSync(file, `${key}\n`);
    const verify = ['verify', '-r', place.repository, '--json'];
    const ok = { exit: 0 };
    expect(await place.run([...verify, '--public-key', key])).toMatchObject(ok);
    expect(await place.run([...verify, '--public-key', file])).toMatchObject(ok);
    expect(await place.run(verify, { env: { NBAK_PUBLIC_KEY: key } })).toMatchObject(ok);
    expect(await place.run(verify, { env: { NBAK_PUBLIC_KEY: file } })).toMatchObject(ok);
    expect(await place.run([...verify, '--vault-key-file', place.keyFile])).toMatchObject(ok);
  });

  it('is never taken from the repository: without a key verify refuses', async () => {
    const place = await makePlace();
    const outcome = await place.run(['verify', '-r', place.repository]);
    expect(outcome.exit).toBe(12);
    expectClear(outcome, 'PUBLIC_KEY_MISSING');
  });

  it('is told apart: mistyped, of another repository, of another than the vault key, an absent file', async () => {
    const place = await makePlace();
    const key = await place.publicKey();
    const flipped = key.slice(0, 20) + (key[20] === 'q' ? 'p' : 'q') + key.slice(21);
    const other = place.path('other-repository');
    const made = await place.run(['init', '-r', other, '--json'], { env: { NBAK_VAULT_KEY: place.key } });
    const { verificationKey: foreign } = parseLine<{ verificationKey: string }>(made);
    const verify = async (
      publicKey: string,
      ...more: readonly string[]
    ): Promise<readonly [number, string]> => {
      const outcome = await place.run([
        'verify',
        '-r',
        place.repository,
        '--public-key',
        publicKey,
        '--json',
        ...more,
      ]);
      return [outcome.exit, parseLine<ErrorJson>(outcome).error.code];
    };
    expect(await verify(flipped)).toEqual([12, 'PUBLIC_KEY_MALFORMED']);
    expect(await verify(foreign)).toEqual([21, 'SIGNER_UNKNOWN']);
    expect(await verify(foreign, '--vault-key-file', place.keyFile)).toEqual([21, 'SIGNER_UNKNOWN']);
    expect(await verify(place.path('absent'))).toEqual([12, 'PUBLIC_KEY_MISSING']);
    expect(await verify(place.keyFile)).toEqual([12, 'PUBLIC_KEY_MALFORMED']);
  });
});

/** Command lines of a process and of everything it started. */
function commandLines(pid: number): readonly string[] {
  try {
    const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
    const own = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8');
    return [
      own,
      ...children
        .split(' ')
        .filter(Boolean)
        .flatMap((child) => commandLines(Number(child))),
    ];
  } catch {
    return [];
  }
}
