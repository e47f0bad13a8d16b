/** How the bench says what a sample of `perf` was at. */

import { expect, it } from 'vitest';
import { countLines, SHARES, type Share } from '../../bench/perf.js';

/** Samples as `perf script -F ip,sym,dso` prints them, and what they are. */
const SAMPLES: readonly (readonly [Share, ...string[]])[] = [
  ['SHA-256', '1a2b sha256_block_data_order_shaext (/usr/bin/node)', '7f00 [unknown] (//anon)'],
  ['zstd', '3c ZSTD_compressBlock_fast (/x/node_modules/zstd-napi/binding.node)'],
  ['AES-256-GCM and GMAC', '5e gcm_ghash_avx (/usr/bin/node)'],
  ['AES-256-GCM and GMAC', '5e _aesni_ctr32_ghash_6x (/usr/bin/node)'],
  ['SQLite', '77 sqlite3VdbeExec (/x/better_sqlite3.node)'],
  ['SQLite', '77 [unknown] (/x/better_sqlite3.node)'],
  ['the kernel', 'ffffffff81234567 _copy_to_iter ([kernel.kallsyms])', '99 __libc_pread64 (/lib/libc.so.6)'],
  ["V8's compiler", 'aa v8::internal::compiler::Node::New (/usr/bin/node)'],
  // What helps the compiler is the compiler's, the kernel's work for it too.
  [
    "V8's compiler",
    'ffffffff81000000 clear_page ([kernel.kallsyms])',
    'bb malloc (/lib/libc.so.6)',
    'cc v8::internal::OptimizingCompileDispatcher::CompileNext (/usr/bin/node)',
  ],
  ["V8's collector", 'dd memmove (/lib/libc.so.6)', 'ee v8::internal::Scavenger::Process (/usr/bin/node)'],
  ["V8's and Node's own functions", 'f0 Builtins_LoadIC (/usr/bin/node)'],
  ["V8's and Node's own functions", 'f1 v8::internal::Runtime_GetProperty (/usr/bin/node)'],
  ['JavaScript, compiled', '7f12 [unknown] (//anon)', 'f2 Builtins_JSEntry (/usr/bin/node)'],
  ['copying and allocating', 'f3 __memmove_avx512_unaligned_erms (/lib/libc.so.6)'],
  ['the rest', 'f4 pthread_mutex_lock (/lib/libc.so.6)'],
];

it('counts each sample once, by the function that ran, and by its callers for the helpers of V8', async () => {
  const text = SAMPLES.map(([, ...frames]) => frames.map((frame) => `\t    ${frame}\n`).join(''));
  const counts = await countLines(linesOf(`\n${text.join('\n')}\n`));
  const expected = new Map<Share, number>(SHARES.map((share) => [share, 0]));
  for (const [share] of SAMPLES) expected.set(share, (expected.get(share) ?? 0) + 1);
  expect([...counts]).toEqual([...expected]);
});

async function* linesOf(text: string): AsyncGenerator<string> {
  await Promise.resolve();
  yield* text.split('\n');
}
