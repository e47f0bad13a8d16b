/** The code of nodyn's page, with the import changed. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { KEY, makeDirectory, ROOT } from '../support/manager-scene.js';

/** The page's example of the library, word for word. */
const PAGE = `import { BackupManager } from '@nodyn-ai/core';
import { getNodynDir } from '@nodyn-ai/core';
const manager = new BackupManager(getNodynDir(), {
backupDir: '/path/to/backups',
retentionDays: 30,
encrypt: true,
}, process.env['NODYN_VAULT_KEY'] ?? null);
// Create
const result = await manager.createBackup();
console.log(result.success, result.path);
// List
const backups = manager.listBackups();
// Verify
const check = manager.verifyBackup(backups[0].path);
// Restore (creates safety backup first)
const restore = await manager.restoreBackup(backupPath);
// Prune
const pruned = manager.pruneBackups(30);
`;

describe('the code of nodyn’s page', () => {
  it('compiles under strict rules and runs with nothing changed but the import', () => {
    const directory = makeDirectory();
    mkdirSync(join(directory, 'node_modules/@types'), { recursive: true });
    symlinkSync(ROOT, join(directory, 'node_modules/nbak'));
    symlinkSync(join(ROOT, 'node_modules/@types/node'), join(directory, 'node_modules/@types/node'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    mkdirSync(join(directory, '.nodyn'));
    writeFileSync(join(directory, '.nodyn/config.json'), '{}');
    // The two places that the page leaves to its reader, and what the values came to.
    const code = PAGE.replaceAll('@nodyn-ai/core', 'nbak')
      .replace('/path/to/backups', join(directory, 'backups'))
      .replace('restoreBackup(backupPath)', 'restoreBackup(result.path)');
    writeFileSync(
      join(directory, 'page.ts'),
      `${code}console.log(JSON.stringify([backups.length, check, restore.success, pruned]));\n`,
    );
    const program = ts.createProgram([join(directory, 'page.ts')], {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      strict: true,
      skipLibCheck: true,
      typeRoots: [join(directory, 'node_modules/@types')],
      types: ['node'],
    });
    const { diagnostics } = program.emit();
    const complaints = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
    expect(complaints.map(({ messageText }) => messageText)).toEqual([]);
    const { stdout, stderr } = spawnSync(process.execPath, [join(directory, 'page.js')], {
      encoding: 'utf8',
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory, NODYN_VAULT_KEY: KEY },
    });
    expect(stderr).toBe('');
    const [created = '', values = ''] = stdout.split('\n');
    expect(created).toMatch(new RegExp(`^true ${join(directory, 'backups/manifests')}/[0-9a-f]{64}$`));
    expect(JSON.parse(values)).toEqual([1, { valid: true, errors: [], files_checked: 1 }, true, 0]);
  });
});
