#!/usr/bin/env node
/** Where the program starts: it says its version without loading anything, and loads the rest for everything else. */

import { programVersion } from './version.js';

// A reader that has seen enough (`nbak ls | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const [first, ...others] = process.argv.slice(2);
if (first === '--version' && others.length === 0) process.stdout.write(`${programVersion()}\n`);
else void start();

async function start(): Promise<void> {
  const { runProgram } = await import('./program.js');
  // An event loop that runs dry before the program is done would look like success.
  process.once('beforeExit', failUnfinished);
  process.exitCode = await runProgram();
  process.off('beforeExit', failUnfinished);
}

function failUnfinished(): void {
  process.exitCode = 1;
}
