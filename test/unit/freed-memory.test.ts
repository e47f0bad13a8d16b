/** Memory that is freed stays with the process: its pages are not fetched from the kernel again and again. */

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/**
 * Seals blocks, each longer than any before it and freed before the next, and says how often the kernel gave a page.
 * glibc keeps nothing for a block as long as none that was freed, wherever it lies. Of blocks of one length it keeps
 * some by chance: it gives back the end of the heap alone, and not if anything in use lies behind it.
 */
const program = (module: string, call: string): string => `
  import { createCipheriv } from 'node:crypto';
  import { keepFreedMemory } from ${JSON.stringify(module)};
  ${call};
  const cipher = createCipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12));
  const plain = Buffer.alloc(4 * 1024 * 1024);
  const before = process.resourceUsage().minorPageFault;
  for (let length = 1024 * 1024; length <= plain.length; length += 32 * 1024) {
    cipher.update(plain.subarray(0, length));
    globalThis.gc();
  }
  console.log(process.resourceUsage().minorPageFault - before);
`;

function pageFaults(call: string): number {
  const source = program(import.meta.resolve('#nbak/threads/freed-memory.js'), call);
  const flags = ['--expose-gc', '--input-type=module', '-e', source];
  return Number(execFileSync(process.execPath, flags, { encoding: 'utf8' }));
}

const report = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };

describe.skipIf(report.header.glibcVersionRuntime === undefined)(
  'with glibc (others have no such setting)',
  () => {
    it('a process that keeps what it frees has the kernel clear fewer than half as many pages', () => {
      expect(pageFaults('keepFreedMemory()') * 2).toBeLessThan(pageFaults(''));
    });
  },
);
