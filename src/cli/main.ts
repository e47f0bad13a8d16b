#!/usr/bin/env node
/**
 * Where the program starts: it says its version, and that a guarded application has the version that it had, without
 * loading anything; for everything else it loads the rest.
 */

import { programVersion } from './version.js';

// A reader that has seen enough (`nbak ls | head`) is no failure, and no reason to stop or to exit with another code.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (['EPIPE', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) return;
    if (stream === process.stdout)
      process.stderr.write(`nbak: what it has to say cannot be written: ${error.message}\n`);
    process.exit(1);
  });

const [first, ...others] = process.argv.slice(2);
if (first === '--version' && others.length === 0) process.stdout.write(`${programVersion()}\n`);
else void start();

async function start(): Promise<void> {
  if (first === 'guard') {
    const { answerUnchanged } = await import('./guard/unchanged.js');
    const answer = answerUnchanged(others);
    if (answer?.document !== undefined) process.stdout.write(`${JSON.stringify(answer.document)}\n`);
    if (answer !== undefined) return;
  }
  const { runProgram } = await import('./program.js');
  // An event loop that runs dry before the program is done would look like success.
  process.once('beforeExit', failUnfinished);
  process.exitCode = await runProgram();
  process.off('beforeExit', failUnfinished);
  // A turn later, so that an output that cannot be written has said so.
  setImmediate(endAtOnce);
}

/** Everything is closed: V8 would only take apart, piece by piece, what goes with the process. */
function endAtOnce(): void {
  if (isWritten(process.stdout) && isWritten(process.stderr)) process.exit();
}

/** Pipes take what they have room for, and the rest when somebody reads on. */
function isWritten({ writableLength }: NodeJS.WriteStream): boolean {
  return writableLength === 0;
}

function failUnfinished(): void {
  process.exitCode = 1;
}
