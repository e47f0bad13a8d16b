/** Runs the real program as a child process, each test in places of its own. */

import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { nodeCrypto } from '#nbak/crypto/node.js';
import { initRepository } from '#nbak/repository/init.js';
import { openLocalStorage } from '#nbak/storage/local.js';
import { formatVaultKey, parseVaultKey } from '#nbak/vault/vault-key.js';
import { formatVerificationKey } from '#nbak/vault/verification-key.js';

/** The built program. */
export const PROGRAM = fileURLToPath(new URL('../../dist/program/nbak.js', import.meta.url));

/** What a run of the program came to. */
export interface Outcome {
  /** 128 + signal where a signal ended it, as a shell would say. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How the program is started. */
export interface RunOptions {
  /** Added to an environment that holds no vault key; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Runs as this uid and gid; needs {@link copyProgram}'s copy as `program`. */
  readonly uid?: number;
  readonly program?: string;
  /** Arguments of node itself. */
  readonly node?: readonly string[];
}

/** Directories of one test, removed when it is over. */
export interface Place {
  readonly directory: string;
  readonly source: string;
  readonly repository: string;
  readonly cache: string;
  readonly temporary: string;
  readonly keyFile: string;
  readonly key: string;
  /** A path in the test's directory. */
  path(name: string): string;
  /** Runs the program in the test's directory. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Starts it without waiting. */
  start(args: readonly string[], options?: RunOptions): { child: ChildProcess; ended: Promise<Outcome> };
  /** Runs it with the repository and the vault key given, and expects `exit`. */
  nbak(exit: number, ...args: readonly string[]): Promise<Outcome>;
  /** As {@link nbak} with `--json`: the document on the one line of stdout. */
  json<T = Json>(exit: number, ...args: readonly string[]): Promise<T>;
  /** Backs `source` up. */
  backup(...flags: readonly string[]): Promise<BackupJson>;
  /** The verification key. */
  publicKey(): Promise<string>;
  /** `verify` with the public key alone: no vault key in the environment. */
  verify(exit: number, ...flags: readonly string[]): Promise<VerifyJson>;
  /** Restores into a directory that it names. */
  restore(exit: number, ...args: readonly string[]): Promise<{ target: string; result: RestoreJson }>;
}

/** A document whose shape the test looks at. */
export type Json = Readonly<Record<string, unknown>>;

/** What failures print with `--json`. */
export interface ErrorJson {
  readonly error: { readonly code: string; readonly message: string; readonly details: Json };
}

/** What `backup --json` prints, as far as tests look. */
export interface BackupJson {
  readonly id: string;
  readonly filesTotal: number;
  readonly filesUnchanged: number;
  readonly bytesRead: number;
  readonly bytesAdded: number;
  readonly durationMs: number;
  readonly cut: string;
  readonly torn: readonly { path: string; code: string }[];
  readonly unreadable: readonly { path: string; code: string }[];
  readonly damaged: readonly { path: string; code: string }[];
}

/** What `verify --json` prints, as far as tests look. */
export interface VerifyJson {
  readonly ok: boolean;
  readonly backups: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly problems: readonly {
    readonly code: string;
    readonly object?: string;
    readonly backups: readonly string[];
    readonly files: readonly string[];
  }[];
}

/** What `restore --json` prints, as far as tests look. */
export interface RestoreJson {
  readonly files: number;
  readonly databases: readonly { path: string; verdict: string }[];
  readonly failed: readonly { path: string; code: string }[];
}

/** Makes the directories of a test; with a repository unless `init` is false. */
export async function makePlace({ init = true } = {}): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-cli-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  // Other users may look in where a test lets one run.
  chmodSync(directory, 0o755);
  const place = new TestPlace(directory);
  if (init) await place.init();
  return place;
}

class TestPlace implements Place {
  readonly directory: string;
  readonly source: string;
  readonly repository: string;
  readonly cache: string;
  readonly temporary: string;
  readonly keyFile: string;
  readonly key: string;
  #restores = 0;
  #publicKey: string | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.source = this.path('source');
    this.repository = this.path('repository');
    this.cache = this.path('cache');
    this.temporary = this.path('tmp');
    this.keyFile = this.path('vault.key');
    // Of this test alone, the same in every run.
    const name = expect.getState().currentTestName ?? '';
    this.key = formatVaultKey(createHash('sha256').update(name).digest());
    for (const path of [this.source, this.temporary, this.path('home')]) mkdirSync(path);
    writeFileSync(this.keyFile, `${this.key}\n`);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** What `nbak init` does, without starting it. */
  async init(): Promise<void> {
    const storage = await openLocalStorage(this.repository, { mode: 'create' });
    const options = { keyBytes: parseVaultKey(this.key), names: 'plain', now: Date.now() } as const;
    const { verificationKey } = await initRepository(storage, nodeCrypto, options);
    this.#publicKey = formatVerificationKey(verificationKey);
    await storage.close();
  }

  start(args: readonly string[], options: RunOptions = {}): { child: ChildProcess; ended: Promise<Outcome> } {
    const { env = {}, cwd = this.directory, uid, program = PROGRAM, node = [] } = options;
    const child = spawn(process.execPath, [...node, program, ...args], {
      cwd,
      env: {
        PATH: process.env['PATH'],
        HOME: this.path('home'),
        TMPDIR: this.temporary,
        NBAK_CACHE_DIR: this.cache,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid !== undefined && { uid, gid: uid }),
    });
    return { child, ended: outcomeOf(child) };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.start(args, options).ended;
  }

  async nbak(exit: number, ...args: readonly string[]): Promise<Outcome> {
    const outcome = await this.run(args, {
      env: { NBAK_REPOSITORY: this.repository, NBAK_VAULT_KEY: this.key },
    });
    expect(outcome, `nbak ${args.join(' ')}`).toMatchObject({ exit });
    return outcome;
  }

  async json<T = Json>(exit: number, ...args: readonly string[]): Promise<T> {
    return parseLine<T>(await this.nbak(exit, ...args, '--json'));
  }

  backup(...flags: readonly string[]): Promise<BackupJson> {
    return this.json<BackupJson>(0, 'backup', this.source, ...flags);
  }

  async publicKey(): Promise<string> {
    this.#publicKey ??= (await this.nbak(0, 'key', 'public')).stdout.trim();
    return this.#publicKey;
  }

  async verify(exit: number, ...flags: readonly string[]): Promise<VerifyJson> {
    const args = [
      'verify',
      '-r',
      this.repository,
      '--public-key',
      await this.publicKey(),
      '--json',
      ...flags,
    ];
    const outcome = await this.run(args);
    expect(outcome).toMatchObject({ exit });
    return parseLine<VerifyJson>(outcome);
  }

  async restore(exit: number, ...args: readonly string[]): Promise<{ target: string; result: RestoreJson }> {
    this.#restores += 1;
    const target = this.path(`restored-${this.#restores}`);
    const result = await this.json<RestoreJson>(exit, 'restore', 'latest', '--target', target, ...args);
    return { target, result };
  }
}

/** The document on the one line of stdout. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller says which document it is
export function parseLine<T = Json>({ stdout, stderr }: Outcome): T {
  expect(stdout.endsWith('\n') && stdout.indexOf('\n') === stdout.length - 1, stdout + stderr).toBe(true);
  return JSON.parse(stdout) as T;
}

/** Waits for the end of a process and gathers what it wrote. */
export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (data: Buffer) => stdout.push(data));
  child.stderr?.on('data', (data: Buffer) => stderr.push(data));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({
        exit: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Writes files below `directory`, making the directories above them. */
export function writeTree(directory: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
}
