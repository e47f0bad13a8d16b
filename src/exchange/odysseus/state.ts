/** What an export is made of, read from a backup of Odysseus' data directory (§33.3). */

import { NbakError } from '../../errors.js';
import { pathFromText, pathToText, type BytePath } from '../../format/path.js';
import { limitExceeded } from '../../format/shape.js';
import type { PlannedEntry } from '../../restore/result.js';
import { entriesOf, readWhole, type ExportTask } from '../export.js';
import { isObject } from './export-file.js';
import { readSkill, type ExportedSkill } from './skill.js';

type Fields = Readonly<Record<string, unknown>>;

/** The parts of the data directory that an export has something of. */
export interface OdysseusState {
  readonly users: readonly string[];
  readonly memories: readonly Fields[];
  readonly skills: readonly ExportedSkill[];
  readonly presets: Fields;
  readonly settings: Fields;
  readonly features: Fields;
  /** By user; of an instance without users under the empty name. */
  readonly preferences: ReadonlyMap<string, unknown>;
}

const MOST_BYTES = 268_435_456;

/** Any one of them tells the data directory. */
const MARKS = ['memory.json', 'settings.json', 'presets.json', 'user_prefs.json', 'auth.json', 'app.db'];

/**
 * Reads the state.
 *
 * @throws NbakError `PATH_NOT_FOUND` where the backup is not one of Odysseus; `FORMAT_INVALID` for a file that is not
 *   the JSON it has to be; `LIMIT_EXCEEDED`.
 */
export async function readOdysseusState(task: ExportTask): Promise<OdysseusState> {
  const entries = await entriesOf(task);
  const files = new Map(
    entries.filter(({ entry }) => entry.kind === 'file').map((file) => [file.place, file]),
  );
  const reader = new StateReader(task, files);
  const auth = await reader.object('auth.json');
  const memories = (await reader.list('memory.json')).filter(isObject);
  const skills = await reader.skills();
  const prefs = await reader.object('user_prefs.json');
  const byUser = isObject(prefs['_users']) ? prefs['_users'] : undefined;
  const owners = [...memories, ...skills].map(({ owner }) => owner);
  const names = [...namesOf(auth['users']), ...Object.keys(byUser ?? {}), ...owners];
  return {
    users: [...new Set(names.filter((name) => typeof name === 'string' && name !== ''))].sort() as string[],
    memories,
    skills,
    presets: await reader.object('presets.json'),
    settings: await reader.object('settings.json'),
    features: await reader.object('features.json'),
    preferences: new Map(byUser === undefined ? [['', prefs]] : Object.entries(byUser)),
  };
}

/** Accounts are an object by name in some versions, a list of objects in others. */
function namesOf(users: unknown): readonly unknown[] {
  if (isObject(users)) return Object.keys(users);
  return Array.isArray(users) ? users.map((user: unknown) => (isObject(user) ? user['username'] : user)) : [];
}

class StateReader {
  readonly #task: ExportTask;
  readonly #files: ReadonlyMap<BytePath, PlannedEntry>;
  readonly #base: string;

  constructor(task: ExportTask, files: ReadonlyMap<BytePath, PlannedEntry>) {
    this.#task = task;
    this.#files = files;
    // The data directory itself, or the application's with `data` in it.
    const base = ['', 'data/'].find((each) => MARKS.some((mark) => files.has(pathFromText(each + mark))));
    if (base === undefined) {
      throw new NbakError('PATH_NOT_FOUND', 'The backup is not one of Odysseus: it has none of its files', {
        details: { expected: MARKS },
        hint: 'See what it has with `nbak ls`.',
      });
    }
    this.#base = base;
  }

  /** A file that holds an object; an absent one holds none. */
  async object(name: string): Promise<Fields> {
    const value = await this.#json(name);
    if (value === undefined || isObject(value)) return value ?? {};
    throw invalid(name, 'an object');
  }

  /** A file that holds a list; an absent one holds none. */
  async list(name: string): Promise<readonly unknown[]> {
    const value = await this.#json(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value as readonly unknown[];
    throw invalid(name, 'a list');
  }

  async skills(): Promise<readonly ExportedSkill[]> {
    const usage = await this.object('skills/_usage.json');
    const skills: ExportedSkill[] = [];
    for (const [place, file] of this.#files) {
      if (!place.startsWith(`${this.#base}skills/`) || !place.endsWith('/SKILL.md')) continue;
      skills.push(readSkill(new TextDecoder().decode(await this.#bytes(file)), usage));
    }
    return skills;
  }

  async #json(name: string): Promise<unknown> {
    const file = this.#files.get(pathFromText(this.#base + name));
    if (file === undefined) return undefined;
    try {
      return JSON.parse(new TextDecoder().decode(await this.#bytes(file)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw invalid(name, 'JSON');
    }
  }

  #bytes(file: PlannedEntry): Promise<Uint8Array> {
    const { size } = file.entry;
    if (size > MOST_BYTES) throw limitExceeded(pathToText(file.place), 'its size', size, MOST_BYTES);
    return readWhole(this.#task, file);
  }
}

function invalid(name: string, expected: string): NbakError {
  return new NbakError('FORMAT_INVALID', `${name} in the backup is not ${expected}, as Odysseus has it`, {
    details: { file: name, clause: '§33.3' },
  });
}
