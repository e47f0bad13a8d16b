/** Memory that is freed stays with the process: its pages are not fetched from the kernel again and again. */

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** Seals 300 MB in blocks and says how often the kernel had to give a page. */
const program = (module: string, call: string): string => `
  import { createCipheriv } from 'node:crypto';
  import { keepFreedMemory } from ${JSON.stringify(module)};
  ${call};
  const cipher = createCipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12));
  const block = Buffer.alloc(112 * 1024);
  const before = process.resourceUsage().minorPageFault;
  for (let i = 0; i < 2700; i += 1) cipher.update(block);
  console.log(process.resourceUsage().minorPageFault - before);
`;

function pageFaults(call: string): number {
  const source = program(import.meta.resolve('#nbak/threads/freed-memory.js'), call);
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' }));
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
