/** Where processor time goes: samples of a program by Linux's `perf`, counted by what the processor was at. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Command } from './measure.js';

/** Samples a second: no multiple of anything that a program does at regular times. */
export const SAMPLES_PER_SECOND = 997;

/** What the processor was at, by the function that ran; of V8's helpers, by those that called it. */
export const SHARES = [
  'SHA-256',
  'zstd',
  'AES-256-GCM and GMAC',
  'the kernel',
  'SQLite',
  "V8's compiler",
  "V8's collector",
  "V8's and Node's own functions",
  'JavaScript, compiled',
  'copying and allocating',
  'the rest',
] as const;

/** One of {@link SHARES}. */
export type Share = (typeof SHARES)[number];

/** The command that runs another under `perf record`, with all of its threads and processes. */
export function recorded({ program, args, ...rest }: Command, file: string): Command {
  const options = ['-q', '-g', '-F', String(SAMPLES_PER_SECOND), '-e', 'cpu-clock', '-o', file];
  return { ...rest, program: 'perf', args: ['record', ...options, '--', program, ...args] };
}

/** Counts the samples that a recorded command left. */
export async function countShares(file: string): Promise<ReadonlyMap<Share, number>> {
  const script = spawn('perf', ['script', '-i', file, '-F', 'ip,sym,dso'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(script, 'close') as Promise<[number | null]>;
  const counts = await countLines(createInterface({ input: script.stdout }));
  const [code] = await ended;
  if (code !== 0) throw new Error(`perf script ended with ${code ?? 'a signal'}`);
  return counts;
}

/** Counts the samples of `perf script -F ip,sym,dso`: a line for each frame, the innermost first, then an empty one. */
export async function countLines(lines: AsyncIterable<string>): Promise<ReadonlyMap<Share, number>> {
  const counts = new Map<Share, number>(SHARES.map((share) => [share, 0]));
  let frames: string[] = [];
  const end = (): void => {
    const share = shareOf(frames);
    if (share !== undefined) counts.set(share, (counts.get(share) ?? 0) + 1);
    frames = [];
  };
  for await (const line of lines) {
    if (line.trim() === '') end();
    else frames.push(line.trim());
  }
  end();
  return counts;
}

/** The first that fits; a frame is `address function (object)`. */
const BY_FUNCTION: readonly (readonly [RegExp, Share])[] = [
  [/ sha256_/, 'SHA-256'],
  [/ (?:ZSTD|HUF|FSE|HIST)_/, 'zstd'],
  [/ _?(?:aesni|gcm|vaes)_|ghash/, 'AES-256-GCM and GMAC'],
  [/better_sqlite3/, 'SQLite'],
];
const BY_CALLER: readonly (readonly [RegExp, Share])[] = [
  [
    /v8::internal::(?:compiler|baseline|maglev|interpreter)::|OptimizingCompile|OptimizedCompilation/,
    "V8's compiler",
  ],
  [/Scaveng|MarkCompact|ConcurrentMark|Sweeper|Evacuat|GarbageCollect/, "V8's collector"],
];
const BY_PLACE: readonly (readonly [RegExp, Share])[] = [
  [/^ffff|\(\[.*kernel.*\]\)$/, 'the kernel'],
  [/ (?:__)?mem(?:move|cpy|set|cmp)|alloc|free|unlink_chunk/, 'copying and allocating'],
  [/ Builtins_|v8::|node::|napi_/, "V8's and Node's own functions"],
  [/\((?:\/\/anon|\[unknown\]|.*perf-\d+\.map|memfd:.*|\[JIT\].*)\)$/, 'JavaScript, compiled'],
];

function shareOf(frames: readonly string[]): Share | undefined {
  const [inner] = frames;
  if (inner === undefined) return undefined;
  const fits = ([pattern]: readonly [RegExp, Share]): boolean => pattern.test(inner);
  const isCalled = ([pattern]: readonly [RegExp, Share]): boolean =>
    frames.some((frame) => pattern.test(frame));
  const found = BY_FUNCTION.find(fits) ?? BY_CALLER.find(isCalled) ?? BY_PLACE.find(fits);
  return found?.[1] ?? 'the rest';
}
