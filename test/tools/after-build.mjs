// tsc writes plain files: the program has to be executable for npm's bin link.
import { chmodSync, existsSync } from 'node:fs';

const program = new URL('../../dist/cli/main.js', import.meta.url);
if (existsSync(program)) chmodSync(program, 0o755);
