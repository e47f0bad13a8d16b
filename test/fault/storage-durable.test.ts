/** The order in which a local storage asks the system for durability, as strace sees it. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storageScript } from '../support/storage-process.js';

const SCRIPT = `
const storage = await openLocalStorage(root, { mode: 'create' });
await storage.put('index/1', text('one'));
report('resolved: put');
const writer = await storage.create();
await writer.write(text('two'));
await writer.commit('packs/ab/2');
report('resolved: commit');
await storage.delete('index/1');
report('resolved: delete');
await storage.put('packs/ab/2', text('two'));
report('resolved: put again');
const long = await storage.create();
await long.write(new Uint8Array(3 * 1024 * 1024 + 1));
await long.commit('packs/ab/3');
report('resolved: long');
const late = await storage.create();
await late.write(text('longer'));
report(await codeOf(late.commit('packs/ab/2')));
await storage.close();
`;
const CALLS =
  'fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,write,pwrite64';

const unusable =
  spawnSync('strace', ['-f', 'true']).status === 0 ? undefined : 'strace is absent or not allowed';

describe.skipIf(unusable !== undefined)(
  `durability of a local storage${unusable ? ` (${unusable})` : ''}`,
  () => {
    let directory: string;
    let root: string;

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'nbak-durable-'));
      root = join(directory, 'new/repository');
    });
    afterEach(() => rm(directory, { recursive: true }));

    /** What the script did to the disk: one line per call, paths relative to `directory`, temporary names as T. */
    async function trace(...inject: string[]): Promise<string[]> {
      const script = await storageScript(directory, SCRIPT);
      const log = join(directory, 'log');
      const calls = ['-f', '-y', '-e', `trace=${CALLS}`, ...inject, '-o', log];
      execFileSync('strace', [...calls, process.execPath, script, root], { stdio: 'pipe' });
      return (await readFile(log, 'utf8')).split('\n').flatMap((line) => {
        const resolved = /write\(1.*\\"?(resolved: [a-z ]+|STORAGE_[A-Z]+)\\"/u.exec(line)?.[1];
        if (resolved !== undefined) return [resolved];
        // With -f a call that another thread interrupts has its arguments on its "unfinished" line.
        const call = /\bp?(fsync|fdatasync|link|rename|mkdir|unlink|write)(?:at2?|64)?\((.*)/u.exec(line);
        if (!call?.[2]?.includes(directory)) return [];
        const paths = [...call[2].matchAll(new RegExp(`${directory}(/[^">]*)?`, 'gu'))].map(
          ([, path]) => path ?? '/',
        );
        return [`${call[1] ?? ''} ${paths.join(' ').replaceAll(/tmp\/[0-9a-f]{32}/gu, 'T')}`];
      });
    }

    const R = '/new/repository';

    it('syncs content before the name, and the folder of the name before it resolves', async () => {
      const lines = await trace();
      const inOrder = (...expected: string[]) => {
        let at = -1;
        for (const line of expected) {
          const next = lines.indexOf(line, at + 1);
          expect(next, `${line} in ${lines.slice(at + 1).join('\n')}`).toBeGreaterThan(at);
          at = next;
        }
      };
      inOrder(
        `mkdir /new`,
        'fsync /',
        `mkdir ${R}`,
        'fsync /new',
        `mkdir ${R}/index`,
        `fsync ${R}`,
        'resolved: put',
      );
      inOrder(
        `write ${R}/T`,
        `fsync ${R}/T`,
        `link ${R}/T ${R}/index/1`,
        `fsync ${R}/index`,
        'resolved: put',
      );
      inOrder('resolved: put', `mkdir ${R}/packs`, `fsync ${R}`, `mkdir ${R}/packs/ab`, `fsync ${R}/packs`);
      inOrder(
        'resolved: put',
        `write ${R}/T`,
        `fsync ${R}/T`,
        `link ${R}/T ${R}/packs/ab/2`,
        `fsync ${R}/packs/ab`,
        'resolved: commit',
        `unlink ${R}/index/1`,
        `fsync ${R}/index`,
        'resolved: delete',
        `fsync ${R}/packs/ab`,
        'resolved: put again',
        // Three steps past the page cache, and the rest through it.
        ...Array.from({ length: 4 }, () => `write ${R}/T`),
        `fsync ${R}/T`,
        `link ${R}/T ${R}/packs/ab/3`,
        `fsync ${R}/packs/ab`,
        'resolved: long',
      );
      expect(lines.filter((line) => line.startsWith('rename'))).toEqual([]);
    });

    it('renames, and still refuses other bytes, where the file system has no hard links', async () => {
      const lines = await trace('-e', 'inject=link,linkat:error=EPERM');
      expect(lines).toContain(`rename ${R}/T ${R}/packs/ab/2`);
      expect(lines.at(-1)).toBe('STORAGE_EXISTS');
      expect(await readdir(join(root, 'packs/ab'))).toEqual(['2', '3']);
      expect(await readdir(join(root, 'tmp'))).toEqual([]);
      expect(await readFile(join(root, 'packs/ab/2'), 'utf8')).toBe('two');
    });
  },
);
