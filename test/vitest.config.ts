import { defineConfig } from 'vitest/config';

// Tests run against dist/ (imports by '#nbak/…'), the same code that the program runs, workers and
// child processes included. Two forks: CI has two cores, and capture tests fork processes of their own.
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Only ends what hangs: a busy machine may take many times as long as a quiet one, which needs seconds. With
    // SLOW=1 the full sizes run: 20 GB through backup, verify and restore take minutes.
    testTimeout: process.env['SLOW'] === '1' ? 1_200_000 : 300_000,
    hookTimeout: 300_000,
    reporters: ['default'],
  },
});
