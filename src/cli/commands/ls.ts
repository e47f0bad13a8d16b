/** `nbak ls`: the files of a backup. */

import type { Entry } from '../../format/entry.js';
import { pathFromBytes, pathToText } from '../../format/path.js';
import { readEntries, type BackedUpEntry } from '../../repository/entries.js';
import { Selector } from '../../restore/selection.js';
import { NbakError } from '../../errors.js';
import { holeBytes } from '../../source/holes.js';
import type { FilterOptions } from '../describe.js';
import type { Run } from '../declaration.js';
import { formatTime, printable, printJson, printLine } from '../terminal.js';
import { noteUnverified } from './list.js';
import { selectBackup } from './select-backup.js';

/** `nbak ls BACKUP [PATH]` */
export const runLs: Run<FilterOptions> = async ({ context, options, args }) => {
  const { backup, verified, pages } = await selectBackup(context, String(args[0]), options);
  const { detail } = backup;
  if (detail === undefined) {
    throw new NbakError(
      'KEY_MISSING',
      'The names in this repository are sealed: the vault key is needed to read them',
      {
        hint: 'Give it with NBAK_VAULT_KEY, --vault-key-file or --vault-key-command.',
      },
    );
  }
  const paths = typeof args[1] === 'string' ? [args[1]] : [];
  const selector = new Selector({ paths, include: [], exclude: [] }, detail);
  const asJson = context.options.json === true;
  const rows: unknown[] = [];
  for await (const item of readEntries(pages, backup, detail)) {
    if (!selector.selects(item)) continue;
    const path = pathToText(selector.shownPath(item.root, item.entry.path)) || '.';
    if (asJson) rows.push(toJson(item, path));
    else printLine(toLine(item, path));
  }
  selector.assertAllFound();
  if (asJson) printJson({ backup: backup.id, verified, entries: rows });
  else if (!verified && context.options.quiet !== true) noteUnverified();
  return 0;
};

function toJson({ entry, owner }: BackedUpEntry, path: string): unknown {
  const { target, database, hardLink, flags, xattrs, holes } = entry.extra;
  return {
    path,
    kind: entry.kind,
    mode: entry.mode.toString(8).padStart(4, '0'),
    uid: owner.uid,
    user: owner.user,
    gid: owner.gid,
    group: owner.group,
    size: entry.size,
    mtime: mtimeText(entry),
    ...(target !== undefined && { target: pathToText(target) }),
    ...(database !== undefined && { database }),
    ...(hardLink !== undefined && { hardLink }),
    ...(xattrs !== undefined && { xattrs: xattrs.map(([name]) => pathToText(pathFromBytes(name))) }),
    ...(holes !== undefined && { holeBytes: holeBytes(holes) }),
    ...(flags !== undefined && { torn: (flags & 1) !== 0, damaged: (flags & 2) !== 0 }),
  };
}

const LETTERS: Readonly<Record<Entry['kind'], string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  'character-device': 'c',
  'block-device': 'b',
};

function toLine({ entry, owner }: BackedUpEntry, path: string): string {
  const { kind, mode, size, extra } = entry;
  const bits = Array.from('rwxrwxrwx', (letter, i) => ((mode >> (8 - i)) & 1 ? letter : '-')).join('');
  const who = `${owner.user || owner.uid} ${owner.group || owner.gid}`;
  const target = extra.target === undefined ? '' : ` -> ${pathToText(extra.target)}`;
  return printable(
    `${LETTERS[kind]}${bits} ${who} ${String(size).padStart(12)} ${mtimeText(entry)} ${path}${target}`,
  );
}

function mtimeText({ mtime }: Entry): string {
  const ms = mtime.seconds * 1000 + Math.floor(mtime.nanoseconds / 1e6);
  // Times that a Date cannot hold are possible on disk.
  return Math.abs(ms) <= 8.64e15 ? formatTime(ms) : `@${mtime.seconds}`;
}
