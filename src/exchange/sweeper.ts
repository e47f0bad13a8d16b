/** A process that does nothing but remove a directory of plaintext when the one that made it is gone. */

import { rmSync } from 'node:fs';

const [, , directory = ''] = process.argv;

// What ends the other one must not end this one first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// The other end of the pipe closes with its process, however that ends.
process.stdin.resume();
process.stdin.on('close', () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
