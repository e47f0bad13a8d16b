/** The program loads with V8's code that the build made, and without it where that is damaged or another's. */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Says, of each file that is compiled with code, whether V8 takes that code. */
const WATCH = `
  const vm = require('node:vm');
  vm.Script = class extends vm.Script {
    constructor(source, options) {
      super(source, options);
      if (options.cachedData !== undefined) console.error(options.filename + ' ' + !this.cachedDataRejected);
    }
  };
`;

let installed: string;
const programFile = (name: string): string => join(installed, 'dist/program', name);

/** Runs a command that loads much and does nothing. @returns the names of files, by whether V8 took their code. */
function runHelp(...flags: readonly string[]): {
  readonly help: string;
  readonly taken: Map<string, boolean>;
} {
  writeFileSync(join(installed, 'watch.cjs'), WATCH);
  const watched = join(installed, 'errors');
  const command = `exec "$0" "$@" 2> ${watched}`;
  const program = [...flags, '--require', join(installed, 'watch.cjs'), programFile('nbak.js'), 'help'];
  const help = execFileSync('sh', ['-c', command, process.execPath, ...program], { encoding: 'utf8' });
  const lines = readFileSync(watched, 'utf8').trim().split('\n').filter(Boolean);
  const taken = new Map(
    lines.map((line) => [line.replace(/^.*\/| .*$/g, ''), line.endsWith('true')] as const),
  );
  return { help, taken };
}

describe('code that the build made', () => {
  beforeEach(() => {
    installed = mkdtempSync(join(tmpdir(), 'nbak-code-'));
    for (const name of ['dist/program', 'package.json'])
      cpSync(join(ROOT, name), join(installed, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  });
  afterEach(() => rmSync(installed, { recursive: true }));

  it('lies beside every file but those that only start, and V8 takes it', () => {
    const names = readdirSync(programFile('')).filter((name) => name.endsWith('.js'));
    const without = names.filter((name) => !hasCode(name));
    expect(without).toEqual(['nbak.js', 'nbak.main.js']);
    const { help, taken } = runHelp();
    expect(help).toContain('nbak');
    expect(taken.get('program.js')).toBe(true);
    expect([...taken.values()].every((isTaken) => isTaken)).toBe(true);
  });

  it('is not run when a bit of it flipped', () => {
    const path = programFile('program.js.code');
    const code = readFileSync(path);
    const middle = code.length >> 1;
    code.writeUInt8(code.readUInt8(middle) ^ 1, middle);
    writeFileSync(path, code);
    const { help, taken } = runHelp();
    expect(help).toContain('nbak');
    expect(taken.has('program.js')).toBe(false);
    expect(taken.size).toBeGreaterThan(0);
  });

  it('is not run for a file that was changed, even to one of the same length', () => {
    const path = programFile('program.js');
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace('Encrypted, signed backups', 'Encrypted, SIGNED backups'),
    );
    const { help, taken } = runHelp();
    expect(help).toContain('Encrypted, SIGNED backups');
    expect(taken.has('program.js')).toBe(false);
  });

  it('is compiled anew where V8 has other settings', () => {
    const { help, taken } = runHelp('--no-opt');
    expect(help).toContain('nbak');
    expect(taken.get('program.js')).toBe(false);
  });

  it('may be missing', () => {
    for (const name of readdirSync(programFile('')).filter((name) => name.endsWith('.code')))
      rmSync(programFile(name));
    expect(runHelp()).toMatchObject({ help: expect.stringContaining('nbak') as string, taken: new Map() });
  });
});

function hasCode(name: string): boolean {
  return readdirSync(programFile('')).includes(`${name}.code`);
}
