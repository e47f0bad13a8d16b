/** The one table of formats: what `nbak import` reads (§32) and `nbak export` writes (§33), loaded when it is used. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chaosCypher } from '../source/profiles/chaos-cypher.js';
import { nodyn } from '../source/profiles/nodyn.js';
import { odysseus } from '../source/profiles/odysseus.js';
import type { FormatName, ForeignFormat } from './format.js';

const SQLITE = Buffer.from('SQLite format 3\0');
const GZIP = Buffer.of(0x1f, 0x8b);

/** Asked in order; the first that recognises a source reads it. */
export const FORMATS: readonly ForeignFormat[] = [
  {
    name: 'v1',
    profile: nodyn,
    recognises: ({ path, isDirectory }) => isDirectory && existsSync(join(path, 'manifest.json')),
    stage: async (task) => (await import('./v1/import.js')).stageV1Backup(task),
    write: async (task, wish) => (await import('./v1/export.js')).exportV1(task, wish),
  },
  {
    name: 'odysseus-tar',
    profile: odysseus,
    recognises: ({ start }) => GZIP.equals(start.subarray(0, GZIP.length)),
    stage: async (task) => (await import('./odysseus/archive.js')).stageOdysseusArchive(task),
  },
  {
    name: 'chaos-cypher',
    profile: chaosCypher,
    recognises: ({ start }) => SQLITE.equals(start.subarray(0, SQLITE.length)),
    stage: async (task) => (await import('./chaos-cypher/import.js')).stageChaosCypher(task),
    write: async (task, wish) => (await import('./chaos-cypher/export.js')).exportChaosCypher(task, wish),
  },
  {
    name: 'odysseus-json',
    profile: odysseus,
    recognises: ({ path, start }) => path.endsWith('.json') && /^\s*\{/.test(new TextDecoder().decode(start)),
    stage: async (task) => (await import('./odysseus/export-file.js')).stageOdysseusExport(task),
    write: async (task, wish) => (await import('./odysseus/export.js')).exportOdysseus(task, wish),
  },
];

/** The names of all of them. */
export const FORMAT_NAMES: readonly FormatName[] = FORMATS.map(({ name }) => name);
