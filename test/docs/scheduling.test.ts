/** spec/scheduling.md: its command lines are run, with the places and the service of a test in the place of its own. */

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makePlace, outcomeOf, PROGRAM, writeTree, type Outcome, type Place } from '../support/cli.js';

const PAGE = readFileSync(new URL('../../spec/scheduling.md', import.meta.url), 'utf8');

/** The first fenced block of `language` behind `heading`. */
function block(language: string, heading = ''): string {
  const from = PAGE.indexOf(heading);
  expect(from, heading).toBeGreaterThanOrEqual(0);
  const [, text] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(PAGE.slice(from)) ?? [];
  if (text === undefined) throw new Error(`no ${language} block behind ${heading}`);
  return text;
}

interface Scene {
  readonly place: Place;
  readonly pings: readonly string[];
  /** Runs a line of the page. */
  readonly run: (line: string) => Promise<Outcome>;
}

/** The page's places are those of a test, and its service listens on this machine. */
async function makeScene(): Promise<Scene> {
  const place = await makePlace();
  writeTree(place.source, { a: 'the state of an application' });
  const pings: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    pings.push(url);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const etc = place.path('etc');
  mkdirSync(etc);
  writeFileSync(`${etc}/vault.key`, `${place.key}\n`, { mode: 0o600 });
  writeFileSync(`${etc}/public.key`, await place.publicKey());
  const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ours = (text: string): string =>
    text
      .replaceAll('/usr/local/bin/nbak', 'nbak')
      .replaceAll('https://hc-ping.com', service)
      .replaceAll('/srv/app/state', place.source)
      .replaceAll('/mnt/backup/nbak', place.repository)
      .replaceAll('/var/cache/nbak', place.cache)
      .replaceAll('/etc/nbak', etc)
      .replaceAll('%d', etc);
  const environment = Object.fromEntries(
    [...ours(block('ini', '`/etc/nbak/environment`')).matchAll(/^(\w+)=(.*)$/gm)].map(
      ([, name = '', value]) => [name, value],
    ),
  );
  const run = (line: string): Promise<Outcome> => {
    const script = `nbak() { "${process.execPath}" "${PROGRAM}" "$@"; }\n${ours(line)}`;
    const env = { PATH: process.env['PATH'], HOME: place.directory, TMPDIR: place.temporary, ...environment };
    return outcomeOf(spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  };
  return { place, pings, run };
}

/** The ExecStart of the unit as a shell would take it. */
function unitCommand(): string {
  const unit = block('ini', '`/etc/systemd/system/nbak.service`').replaceAll('\\\n', '');
  return (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '').replaceAll('$$', '$');
}

describe('scheduling.md', () => {
  it('has one command line that backs up, verifies and pings, and tells a command of a failure', async () => {
    const { place, pings, run } = await makeScene();
    const line = block('sh').trim().replace('nbak backup', 'NBAK_VAULT_KEY=$KEY nbak backup');
    const told = place.path('told');
    const logging = `KEY='${place.key}'; logger() { :; }\n${line.replace('logger -t nbak', `echo >${told}`)}`;
    expect(await run(logging)).toMatchObject({ exit: 0, stderr: '' });
    expect(pings).toEqual(['/your-uuid']);
    expect((await run(logging.replace('/srv/app/state', '/srv/app/state/absent'))).exit).toBe(1);
    expect(pings).toEqual(['/your-uuid', '/your-uuid/fail']);
    expect(readFileSync(told, 'utf8')).toMatch(/^exit 1 SOURCE_NOT_FOUND: Source .* does not exist\n$/);
  });

  it('has a unit whose command does the same with a key file and an environment file', async () => {
    const { pings, run } = await makeScene();
    const outcome = await run(unitCommand());
    expect(outcome).toMatchObject({ exit: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(pings).toEqual(['/your-uuid']);
  });

  it('has lines for cron that back up, and verify with the public key alone', async () => {
    const { pings, run } = await makeScene();
    const commands = [...PAGE.matchAll(/^[\d* ]+ (?:root|verifier) (.*)$/gm)].map(
      ([, command = '']) => command,
    );
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      expect(command).not.toContain('%');
      expect(await run(command)).toMatchObject({ exit: 0, stdout: '', stderr: '' });
    }
    expect(pings).toEqual(['/your-uuid']);
  });

  it('has a start script that backs up before another version starts, and starts nothing without a backup', async () => {
    const { place, run } = await makeScene();
    const started = place.path('started');
    const start = (version: string, change = (script: string) => script): ReturnType<typeof run> => {
      const script = block('bash', '## Before an update').replace(
        /^exec .*$/m,
        `echo ${version} >> ${started}`,
      );
      return run(change(`export NBAK_STATE_DIR=${place.path('state')} APP_VERSION=${version}\n${script}`));
    };
    expect((await start('1')).exit).toBe(0);
    expect((await start('1')).exit).toBe(0);
    expect((await start('2', (script) => script.replace('vault.key', 'absent.key'))).exit).toBe(1);
    expect(readFileSync(started, 'utf8')).toBe('1\n1\n');
    expect((await start('2')).exit).toBe(0);
    expect(readFileSync(started, 'utf8')).toBe('1\n1\n2\n');
    const { backups } = await place.json<{ readonly backups: readonly unknown[] }>(
      0,
      'list',
      '--tag',
      'before-2',
    );
    expect(backups).toHaveLength(1);
  });

  it('has unit files that systemd accepts', async ({ skip }) => {
    if (spawnSync('systemd-analyze', ['--version']).error !== undefined) skip('systemd is not here');
    const place = await makePlace({ init: false });
    const program = place.path('nbak');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o755);
    const files = ['service', 'timer'].map((kind) => {
      const file = place.path(`nbak.${kind}`);
      const text = block('ini', `\`/etc/systemd/system/nbak.${kind}\``);
      writeFileSync(file, text.replaceAll('/usr/local/bin/nbak', program));
      return file;
    });
    // Its complaints go to stderr, also those with which it ends well.
    const { stderr, status } = spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' });
    const own = stderr.split('\n').filter((line) => line.includes('nbak'));
    expect({ own, status }).toEqual({ own: [], status: 0 });
  });
});
