/** Writing the JSON of version 1 that the Import of Odysseus takes (§33.3). */

import { NbakError } from '../../errors.js';
import { utf8 } from '../../format/bytes.js';
import { pathFromText } from '../../format/path.js';
import { entriesOf, readWhole, writeExport, type ExportResult, type ExportTask } from '../export.js';
import { EXPORT_NAME, parseOdysseusExport } from './export-file.js';
import { withoutSecrets } from './secrets.js';
import { readOdysseusState, type OdysseusState } from './state.js';

/** Whose export, and whether credentials are to be in it. */
export interface OdysseusWish {
  /** Needed where there are several. */
  readonly user: string | undefined;
  readonly secrets: 'withheld' | 'included';
}

type Sections = Readonly<Record<string, unknown>>;

/** What a person wrote is never looked through for what might be a key. */
const MAY_HOLD_SECRETS: readonly string[] = ['settings', 'preferences'];

/** Sections of version 1. */
const SECTIONS = ['memories', 'presets', 'skills', 'settings', 'features', 'preferences'] as const;

/**
 * Writes one user's export, from a backup of the data directory or of an imported export.
 *
 * @throws NbakError `USAGE_INVALID` for a user that there is not, or none of several; what {@link readOdysseusState}
 *   and {@link writeExport} throw.
 */
export async function exportOdysseus(task: ExportTask, wish: OdysseusWish): Promise<ExportResult> {
  const left: string[] = [];
  const withheld: string[] = [];
  const { user, sections } = (await fromExport(task, wish, left)) ?? (await fromState(task, wish, left));
  const kept = (name: string): unknown =>
    wish.secrets === 'included' ? sections[name] : withoutSecrets(sections[name], name, withheld);
  const { time } = task.source.backup.manifest;
  const content = {
    version: 1,
    exported_at: localTime(time),
    exported_by: user,
    ...Object.fromEntries(
      SECTIONS.map((name) => [name, MAY_HOLD_SECRETS.includes(name) ? kept(name) : sections[name]]),
    ),
  };
  const bytes = utf8(JSON.stringify(content, null, 2));
  const [date = '', clock = ''] = localTime(time).slice(0, 19).replaceAll(/[:-]/g, '').split('T');
  const name = `odysseus_backup_${date}_${clock}.json`;
  const path = await writeExport(task, { name, mtime: time / 1000 }, [bytes]);
  return { path, files: 1, bytes: bytes.length, left, withheld };
}

async function fromState(
  task: ExportTask,
  wish: OdysseusWish,
  left: string[],
): Promise<{ readonly user: string | null; readonly sections: Sections }> {
  const state = await readOdysseusState(task);
  const user = userOf(state.users, wish.user);
  const isMine = ({ owner }: { readonly owner?: unknown }): boolean =>
    user === null || owner === user || (state.users.length === 1 && (owner ?? '') === '');
  const { presets, settings, features } = state;
  const memories = state.memories.filter(isMine);
  const skills = state.skills.filter(isMine);
  left.push(...ownerless(state));
  const preferences = state.preferences.get(user ?? '') ?? state.preferences.get('') ?? {};
  return { user, sections: { memories, presets, skills, settings, features, preferences } };
}

/** Of an instance of several users, what belongs to none is in nobody's export. */
function ownerless({ users, memories, skills }: OdysseusState): readonly string[] {
  if (users.length < 2) return [];
  const count = [...memories, ...skills].filter(({ owner }) => (owner ?? '') === '').length;
  return count === 0 ? [] : [`${count} memories and skills that belong to no user`];
}

async function fromExport(
  task: ExportTask,
  wish: OdysseusWish,
  left: string[],
): Promise<{ readonly user: string | null; readonly sections: Sections } | undefined> {
  const file = (await entriesOf(task)).find(({ place }) => place === pathFromText(EXPORT_NAME));
  if (file === undefined) return undefined;
  const stored = parseOdysseusExport(await readWhole(task, file), EXPORT_NAME);
  const by = stored['exported_by'];
  const user = userOf(typeof by === 'string' && by !== '' ? [by] : [], wish.user);
  for (const name of ['research', 'calendar', 'tasks', 'notes'])
    if (stored[name] !== undefined) left.push(`${name}: version 1 has no place for it`);
  return { user, sections: stored };
}

function userOf(users: readonly string[], wanted: string | undefined): string | null {
  if (wanted !== undefined && !users.includes(wanted)) {
    throw new NbakError('USAGE_INVALID', `The backup has no user ${JSON.stringify(wanted)}`, {
      details: { users },
      hint: users.length === 0 ? 'It has no users at all: leave --user out.' : `It has ${users.join(', ')}.`,
    });
  }
  if (wanted === undefined && users.length > 1) {
    throw new NbakError('USAGE_INVALID', `The backup has several users: ${users.join(', ')}`, {
      details: { users },
      hint: 'Say whose export with --user.',
    });
  }
  return wanted ?? users[0] ?? null;
}

/** As Odysseus writes it: local time that does not say of where. */
function localTime(time: number): string {
  const date = new Date(time);
  const local = new Date(time - date.getTimezoneOffset() * 60_000);
  return local.toISOString().replace('Z', '000');
}
