/** Backups that nobody watches: `--verify`, `--ping` to a real server, `--on-failure`. */

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { signalled } from '../support/caught-run.js';
import { makePlace, parseLine, writeTree, type ErrorJson, type Outcome, type Place } from '../support/cli.js';
import { flipBit, packsOf } from '../support/damage.js';
import { randomLike } from '../support/tree.js';

interface Request {
  readonly line: string;
  readonly agent: string;
  readonly body: string;
}

/** A monitoring service on this machine. */
interface Service {
  readonly url: string;
  readonly requests: readonly Request[];
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** @param status - what every request is answered with; 0 gives no answer at all. */
async function startService(status = 200): Promise<Service> {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => (body += data.toString()));
    request.on('end', () => {
      const agent = request.headers['user-agent'] ?? '';
      requests.push({ line: `${request.method ?? ''} ${request.url ?? ''}`, agent, body });
      if (status !== 0) response.writeHead(status).end('seen');
    });
  });
  return { url: await listen(server), requests };
}

function backUp(place: Place, ...args: readonly string[]): Promise<Outcome> {
  const env = { NBAK_VAULT_KEY: place.key, NBAK_REPOSITORY: place.repository };
  return place.run(['backup', place.source, ...args], { env });
}

/** A command that writes what it is told into a file, and the key if it got it. */
function recorder(place: Place): { readonly command: string; readonly file: string } {
  const file = place.path('told');
  return {
    file,
    command: `printf '%s|%s|%s|%s\\n' "$NBAK_EXIT_CODE" "$NBAK_ERROR_CODE" "$NBAK_ERROR_MESSAGE" "$NBAK_VAULT_KEY" >> '${file}'`,
  };
}

const DAMAGED_DATABASE = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(4080, 255)]);

describe('--ping', () => {
  it('gets the URL after a backup that went well, once, saying nothing but the program’s name', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const { url, requests } = await startService();
    const outcome = await backUp(place, '--ping', `${url}/ping/1234?x=y`);
    expect(outcome).toMatchObject({ exit: 0, stderr: '' });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ line: 'GET /ping/1234?x=y', body: '' });
    expect(requests[0]?.agent).toMatch(/^nbak\/\d+\.\d+\.\d+$/);
  });

  it('gets /fail behind the URL’s path when the backup failed, before it began or at its end', async () => {
    const place = await makePlace();
    const { url, requests } = await startService();
    rmSync(place.source, { recursive: true });
    expect(await backUp(place, '--ping', `${url}/ping/1?x=y`)).toMatchObject({ exit: 1 });
    const wrongKey = await place.run(
      ['backup', place.source, '--ping', `${url}/ping/2/`, '-r', place.repository],
      {
        env: { NBAK_VAULT_KEY: 'another key' },
      },
    );
    expect(wrongKey).toMatchObject({ exit: 12 });
    writeTree(place.source, { 'x.db': DAMAGED_DATABASE });
    expect(await backUp(place, '--ping', `${url}/ping/3`)).toMatchObject({ exit: 3 });
    expect(requests.map(({ line }) => line)).toEqual([
      'GET /ping/1/fail?x=y',
      'GET /ping/2/fail',
      'GET /ping/3/fail',
    ]);
  });

  it('that fails is said on stderr, without the path that identifies it, and changes no exit code', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const refusing = await startService(500);
    const answered = await backUp(place, '--json', '--ping', `${refusing.url}/secret-id`);
    expect(answered.exit).toBe(0);
    expect(parseLine(answered)).toHaveProperty('id');
    expect(answered.stderr).toContain('answered with 500');
    const silent = createServer();
    const gone = await listen(silent);
    await new Promise((resolve) => silent.close(resolve));
    const refused = await backUp(place, '--ping', `${gone}/secret-id`);
    expect(refused.exit).toBe(0);
    expect(refused.stderr).toContain('ECONNREFUSED');
    expect(answered.stderr + refused.stderr).not.toContain('secret-id');
  });

  it('waits no longer than 10 s for an answer', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const { url } = await startService(0);
    const outcome = await backUp(place, '--ping', url);
    expect(outcome.exit).toBe(0);
    expect(outcome.stderr).toContain('no answer within 10 s');
  });

  it.each(['ftp://example.org/', 'example.org', '', 'http://name:password@example.org/'])(
    'to %j is wrong usage, found before anything is backed up',
    async (url) => {
      const place = await makePlace();
      writeTree(place.source, { a: 'a' });
      const outcome = await backUp(place, '--ping', url, '--json');
      expect(outcome.exit).toBe(2);
      expect(parseLine<ErrorJson>(outcome).error.code).toBe('USAGE_INVALID');
      expect(packsOf(place.repository)).toEqual([]);
    },
  );
});

describe('--on-failure', () => {
  it('runs its command with exit code, error code and message, and without the vault key', async () => {
    const place = await makePlace();
    const { command, file } = recorder(place);
    rmSync(place.source, { recursive: true });
    const outcome = await backUp(place, '--on-failure', command, '--json');
    expect(outcome).toMatchObject({ exit: 1, stderr: '' });
    expect(parseLine<ErrorJson>(outcome).error.code).toBe('SOURCE_NOT_FOUND');
    const told = readFileSync(file, 'utf8');
    expect(told).toMatch(/^1\|SOURCE_NOT_FOUND\|.* does not exist\|\n$/);
    expect(told).not.toContain(place.key);
  });

  it('runs it for a backup that is incomplete, and not for one that is well', async () => {
    const place = await makePlace();
    const { command, file } = recorder(place);
    writeTree(place.source, { a: 'a' });
    expect(await backUp(place, '--on-failure', command)).toMatchObject({ exit: 0 });
    expect(existsSync(file)).toBe(false);
    writeTree(place.source, { 'x.db': DAMAGED_DATABASE });
    expect(await backUp(place, '--on-failure', command)).toMatchObject({ exit: 3 });
    expect(readFileSync(file, 'utf8')).toMatch(/^3\|DATABASE_DAMAGED\|/);
  });

  it('keeps what the command prints from stdout, and says when it failed, without changing the exit code', async () => {
    const place = await makePlace();
    rmSync(place.source, { recursive: true });
    const outcome = await backUp(place, '--on-failure', 'echo loud; exit 7', '--json');
    expect(outcome.exit).toBe(1);
    expect(parseLine(outcome)).toHaveProperty('error');
    expect(outcome.stderr).toContain('loud');
    expect(outcome.stderr).toContain('exit code 7');
  });

  it('is run when the backup is interrupted', async () => {
    const place = await makePlace();
    const { command, file } = recorder(place);
    const env = { NBAK_VAULT_KEY: place.key, NBAK_REPOSITORY: place.repository };
    let seed = 0;
    const outcome = await signalled('SIGTERM', () => {
      for (let i = 0; i < 40; i += 1)
        writeTree(place.source, { [`f${i}`]: randomLike(4_000_000, (seed += 1)) });
      const run = place.start(['backup', place.source, '--on-failure', command], { env });
      return { run, isThere: () => readdirSync(join(place.repository, 'tmp')).length > 0 };
    });
    expect(outcome).toMatchObject({ exit: 130 });
    expect(readFileSync(file, 'utf8')).toMatch(/^130\|INTERRUPTED\|/);
  });
});

describe('--verify', () => {
  it('reads back what the backup reaches and adds the verdict', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a', b: Buffer.alloc(300_000, 'noise') });
    const outcome = await backUp(place, '--verify');
    expect(outcome).toMatchObject({ exit: 0 });
    expect(outcome.stdout).toMatch(/^backup [0-9a-f]{64}\n.*\nok: 1 backup, /s);
    const json = parseLine<{ verification: { ok: boolean; backups: number } }>(
      await backUp(place, '--verify', '--json'),
    );
    expect(json.verification).toMatchObject({ ok: true, backups: 1 });
    expect(await backUp(place, '--verify', '--quiet')).toMatchObject({ exit: 0, stderr: '' });
  });

  it('finds damage in what the new backup shares with old ones: exit 20, and everybody is told', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'unchanged', b: Buffer.alloc(300_000, 'noise') });
    await place.backup();
    flipBit(join(place.repository, packsOf(place.repository)[0] ?? ''), 150);
    const { url, requests } = await startService();
    const { command, file } = recorder(place);
    const outcome = await backUp(place, '--verify', '--ping', `${url}/p`, '--on-failure', command, '--json');
    expect(outcome.exit).toBe(20);
    expect(parseLine(outcome)).toMatchObject({ verification: { ok: false } });
    expect(requests.map(({ line }) => line)).toEqual(['GET /p/fail']);
    expect(readFileSync(file, 'utf8')).toMatch(/^20\|OBJECT_CORRUPT\|/);
  });

  it.each([['--verify'], ['--ping', 'http://127.0.0.1:9/'], ['--on-failure', 'true']])(
    'and what else follows a backup does not go with --dry-run: %s',
    async (...args) => {
      const place = await makePlace();
      writeTree(place.source, { a: 'a' });
      expect(await backUp(place, '--dry-run', ...args)).toMatchObject({ exit: 2, stdout: '' });
    },
  );
});
