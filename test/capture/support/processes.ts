/** Starts writers and other processes for the capture tests and looks at what they leave. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import type { DatabaseCopy } from '#nbak/source/sqlite/capture.js';

const WRITER = new URL('./writer.mjs', import.meta.url).pathname;

/** Directories of one test: `source` is what is backed up, `staging` where copies go, `scratch` for the test. */
export interface Places {
  readonly source: string;
  readonly staging: string;
  readonly scratch: string;
}

/** Makes them; they are removed when the test is over. */
export function makePlaces(): Places {
  const make = (name: string): string => mkdtempSync(join(tmpdir(), `nbak-test-${name}-`));
  const places = { source: make('source'), staging: make('staging'), scratch: make('scratch') };
  onTestFinished(() => {
    Object.values(places).forEach((path) => rmSync(path, { recursive: true, force: true }));
  });
  return places;
}

/** A process that is killed when the test is over, or before. */
export interface Running {
  readonly child: ChildProcess;
  kill(): Promise<void>;
}

/** Starts `node SCRIPT ARGS` and waits until it prints `ready`. */
export async function startProcess(
  script: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Running> {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  await new Promise<void>((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (data: Buffer) => {
      output += data.toString();
      if (output.includes('ready')) resolve();
    });
    child.once('exit', (code, signal) =>
      reject(new Error(`${script} ended: ${code ?? signal ?? ''} ${output}`)),
    );
  });
  return { child, kill };
}

export function startWriter(mode: string, ...args: readonly string[]): Promise<Running> {
  return startProcess(WRITER, [mode, ...args]);
}

/** Runs a writer mode that ends by itself, by exit or by its own kill -9. */
export function runWriter(mode: string, ...args: readonly string[]): void {
  const { stderr } = spawnSync(process.execPath, [WRITER, mode, ...args]);
  if (stderr.length > 0) throw new Error(stderr.toString());
}

/**
 * Everything about every file below `directory` that a backup must not change: names, bytes, owner, mode, mtime and
 * ctime. Of databases that another process holds open (`live`) two things are excepted: the content of `-shm`, which
 * is memory shared by all connections, where readers leave their marks, and which means nothing when the last has
 * gone; and the ctime of `-wal`, because SQLite run by root sets its owner when opening it, to what it was.
 */
export function snapshotTree(directory: string, live: readonly string[] = []): string[] {
  const names = ['', ...(readdirSync(directory, { recursive: true }) as string[])].sort();
  return names.map((name) => {
    const path = join(directory, name);
    const stat = lstatSync(path, { bigint: true });
    const facts = [name, stat.ino, stat.mode, stat.uid, stat.gid, stat.size];
    if (live.some((database) => name === `${database}-shm`)) return facts.join(' ');
    const bytes = stat.isFile() ? readFileSync(path) : Buffer.alloc(0);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const isLiveLog = live.some((database) => name === `${database}-wal`);
    return [...facts, stat.mtimeNs, ...(isLiveLog ? [] : [stat.ctimeNs]), hash].join(' ');
  });
}

/** Writes the copy's bytes to a file of its own, closes the descriptor, and opens it. */
export function openCopy(copy: DatabaseCopy, scratch: string): Database.Database {
  const path = join(scratch, `copy-${Math.random().toString(36).slice(2)}.db`);
  writeFileSync(path, takeBytes(copy));
  return new Database(path);
}

/** The copy's bytes; closes the descriptor. */
export function takeBytes(copy: DatabaseCopy): Buffer {
  const bytes = Buffer.alloc(copy.size);
  readSync(copy.descriptor, bytes, 0, bytes.length, 0);
  closeSync(copy.descriptor);
  return bytes;
}

/** One value of one row. */
export function value(db: Database.Database, sql: string): unknown {
  return db.prepare(sql).pluck().get();
}

/** All bytes of all files below `directory`, names included, to search for what must not be there. */
export function allBytes(directory: string): string {
  return (readdirSync(directory, { recursive: true }) as string[])
    .map((name) => {
      const path = join(directory, name);
      return name + (lstatSync(path).isFile() ? readFileSync(path, 'latin1') : '');
    })
    .join('\n');
}
