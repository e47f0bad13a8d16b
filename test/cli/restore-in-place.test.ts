/** Restoring over a directory: what is replaced, what stays, what is kept, and when it refuses. */

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startWriter } from '../capture/support/processes.js';
import { makePlace, writeTree, type BackupJson, type ErrorJson } from '../support/cli.js';
import { flipBit, packsOf } from '../support/damage.js';
import { counterOf, describeState, writeFirstState, writeSecondState } from '../support/state-directory.js';
import { describeTree } from '../support/tree.js';
import { changedSince, movedOf, type OverJson } from '../support/changed-place.js';

describe('restore --in-place', () => {
  it('brings the backed-up state back, keeps what was there beside it, and leaves alone what the scope leaves out', async () => {
    const scene = await changedSince();
    const { place, state } = scene;
    const result = await scene.restore(0);
    expect(describeState(state)).toEqual(scene.first);
    expect(result).toMatchObject({ swapped: true, failed: [] });
    // Out of scope: as it was a moment ago.
    expect(readFileSync(join(state, 'logs/app.log'), 'utf8')).toBe('first\nsecond\n');
    expect(readFileSync(join(state, 'logs/new.log'), 'utf8')).toBe('third');
    expect(readFileSync(join(state, 'vault.key'), 'utf8')).toBe('key two');
    expect(readdirSync(state)).not.toContain('.nbak-restore');
    expect(readdirSync(state).filter((name) => name.startsWith('NBAK'))).toEqual([]);
    const moved = movedOf(result);
    expect(moved).toMatch(/\/source\.pre-restore-\d{8}T\d{6}Z$/u);
    expect(statSync(moved).mode & 0o777).toBe(statSync(state).mode & 0o777);
    expect(readFileSync(join(moved, 'settings.json'), 'utf8')).toBe('{"n":2}');
    expect(readFileSync(join(moved, 'other/new'), 'utf8')).toBe('new');
    expect(counterOf(join(moved, 'wal.db'))).toBe(2);
    expect(existsSync(join(moved, 'vault.key'))).toBe(false);
    // The old state can be put back by hand, and from the safety backup.
    const { target } = await place.restore(0);
    expect(describeState(target)).toEqual(scene.first);
    const safety = place.path('safety');
    await place.nbak(0, 'restore', result.safetyBackup ?? '', '--target', safety);
    expect(describeState(safety)).toEqual(scene.second);
    const shown = await place.json(0, 'show', result.safetyBackup ?? '');
    expect(shown).toMatchObject({ purpose: 'safety', scope: { exclude: ['*.log', '/vault.key'] } });
  });

  it('makes no safety backup when told so, and the next restore keeps another old state', async () => {
    const scene = await changedSince();
    const first = await scene.restore(0, '--no-safety-backup');
    expect(first.safetyBackup).toBeNull();
    expect(await scene.place.verify(0)).toMatchObject({ backups: 1 });
    writeSecondState(scene.state);
    const second = await scene.restore(0, '--no-safety-backup');
    expect(movedOf(second)).not.toBe(movedOf(first));
    expect(describeState(scene.state)).toEqual(scene.first);
  });

  it('with --dry-run says what would become of each entry, and changes nothing', async () => {
    const scene = await changedSince();
    const before = describeTree(scene.state);
    const plan = await scene.place.json<Record<'replaced' | 'added' | 'removed', readonly string[]>>(
      0,
      'restore',
      scene.backup,
      '--in-place',
      scene.state,
      '--dry-run',
    );
    expect(plan.replaced).toEqual(
      expect.arrayContaining([
        'becomes',
        'data',
        'notes',
        'settings.json',
        'uploads',
        'wal.db',
        'logs/state',
      ]),
    );
    expect(plan.added).toEqual(['empty']);
    expect(plan.removed).toEqual(['other']);
    expect(describeTree(scene.state)).toEqual(before);
  });

  it('narrowed to a path or a pattern replaces that and nothing else', async () => {
    const scene = await changedSince();
    await scene.restore(0, 'notes');
    const partly = describeState(scene.state).filter((line) => !line.startsWith('"notes'));
    expect(partly.slice(1)).toEqual(scene.second.filter((line) => !line.startsWith('"notes')).slice(1));
    const notes = (lines: readonly string[]): readonly string[] =>
      lines.filter((line) => line.startsWith('"notes'));
    expect(notes(describeState(scene.state))).toEqual(notes(scene.first));
    writeTree(scene.state, { 'notes/x.md': 'x', 'notes/x.txt': 'x' });
    await scene.restore(0, '--include', '*.md');
    expect(readdirSync(join(scene.state, 'notes')).sort()).toEqual(['a.md', 'deep', 'x.txt']);
  });

  it('replaces one database by itself together with its log, whatever the scope says of the log', async () => {
    const place = await makePlace();
    writeFirstState(place.source);
    const { id } = await place.backup('--exclude', '*-wal', '--exclude', '*-shm');
    const writer = await startWriter('hold', join(place.source, 'held.db'));
    await writer.kill();
    const { id: held } = await place.backup('--exclude', '*-wal', '--exclude', '*-shm');
    const again = await startWriter('hold', join(place.source, 'held.db'));
    await again.kill();
    expect(readdirSync(place.source)).toContain('held.db-wal');
    const one = await place.json<OverJson>(0, 'restore', held, 'held.db', '--in-place', place.source);
    expect(readdirSync(place.source).filter((name) => name.startsWith('held'))).toEqual(['held.db']);
    expect(readdirSync(movedOf(one)).sort()).toEqual(['held.db', 'held.db-shm', 'held.db-wal']);
    // And where the backup has no such database, both go.
    const last = await startWriter('hold', join(place.source, 'held.db'));
    await last.kill();
    const all = await place.json<OverJson>(0, 'restore', id, '--in-place', place.source);
    expect(readdirSync(place.source).filter((name) => name.startsWith('held'))).toEqual([]);
    expect(readdirSync(movedOf(all))).toEqual(
      expect.arrayContaining(['held.db', 'held.db-shm', 'held.db-wal']),
    );
  });

  it('of a backup of one file replaces that file alone', async () => {
    const place = await makePlace();
    writeTree(place.source, { mine: 'one', other: 'other' });
    const { id } = await place.json<{ id: string }>(0, 'backup', join(place.source, 'mine'));
    writeTree(place.source, { mine: 'two', new: 'new' });
    await place.nbak(0, 'restore', id, '--in-place', place.source);
    expect(readdirSync(place.source).sort()).toEqual(['mine', 'new', 'other']);
    expect(readFileSync(join(place.source, 'mine'), 'utf8')).toBe('one');
  });

  it('of a backup of several roots takes the one that was backed up from there, or the one that is named', async () => {
    const place = await makePlace();
    const [a, b, c] = [place.path('a'), place.path('b'), place.path('c')];
    writeTree(a, { file: 'a' });
    writeTree(b, { file: 'b' });
    writeTree(c, { file: 'c' });
    const { id } = await place.json<{ id: string }>(0, 'backup', a, b);
    writeTree(a, { file: 'changed', new: 'new' });
    await place.nbak(0, 'restore', id, '--in-place', a);
    expect(readFileSync(join(a, 'file'), 'utf8')).toBe('a');
    expect(readdirSync(a)).toEqual(['file']);
    const { error } = await place.json<ErrorJson>(2, 'restore', id, '--in-place', c);
    expect(error).toMatchObject({ code: 'USAGE_INVALID', details: { roots: ['a', 'b'] } });
    await place.nbak(0, 'restore', id, '--in-place', c, '--root', 'b');
    expect(readFileSync(join(c, 'file'), 'utf8')).toBe('b');
  });

  it('never touches the repository and the cache inside the directory', async () => {
    const place = await makePlace({ init: false });
    writeTree(place.source, { file: 'one' });
    const inside = {
      ...place,
      repository: join(place.source, 'backups'),
      cache: join(place.source, 'cache'),
    };
    const run = async (...args: readonly string[]): Promise<void> => {
      const env = {
        NBAK_REPOSITORY: inside.repository,
        NBAK_VAULT_KEY: place.key,
        NBAK_CACHE_DIR: inside.cache,
      };
      expect(await place.run(args, { env })).toMatchObject({ exit: 0 });
    };
    await run('init');
    await run('backup', place.source);
    writeTree(place.source, { file: 'two' });
    await run('restore', 'latest', '--in-place', place.source);
    expect(readFileSync(join(place.source, 'file'), 'utf8')).toBe('one');
    await run('verify');
  });

  it('refuses where something that has to stay and an entry of the backup want one place', async () => {
    const place = await makePlace();
    writeTree(place.source, { thing: 'a file' });
    const { id } = await place.backup('--exclude', '*.log');
    rmSync(join(place.source, 'thing'));
    writeTree(place.source, { 'thing/app.log': 'to stay' });
    const before = describeTree(place.source);
    const { error } = await place.json<ErrorJson>(1, 'restore', id, '--in-place', place.source);
    expect(error).toMatchObject({ code: 'TARGET_CONFLICT', details: { paths: ['thing'] } });
    expect(describeTree(place.source)).toEqual(before);
    expect(await place.verify(0)).toMatchObject({ backups: 1 });
  });

  it('leaves in its place what the backup could not read', async () => {
    const place = await makePlace();
    const locked = join(place.source, 'locked.db');
    writeTree(place.source, { a: 'one' });
    const writer = await startWriter('lock', 'exclusive', locked);
    const { unreadable, id } = await place.json<BackupJson>(3, 'backup', place.source, '--lock-wait', '50ms');
    expect(unreadable).toMatchObject([{ code: 'DATABASE_LOCKED' }]);
    await writer.kill();
    writeTree(place.source, { a: 'two' });
    await place.nbak(0, 'restore', id, '--in-place', place.source);
    expect(readFileSync(join(place.source, 'a'), 'utf8')).toBe('one');
    expect(existsSync(locked)).toBe(true);
  });

  it('leaves everything what it was when a blob is damaged, and says what is wrong', async () => {
    const scene = await changedSince();
    for (const pack of packsOf(scene.place.repository)) flipBit(join(scene.place.repository, pack), 300);
    const before = describeTree(scene.state);
    const result = await scene.restore(20, '--no-safety-backup');
    expect(result.swapped).toBe(false);
    expect(result.failed.length).toBeGreaterThan(0);
    expect(describeTree(scene.state)).toEqual(before);
    expect(readdirSync(scene.place.directory).filter((name) => name.includes('pre-restore'))).toEqual([]);
  });

  it('says in plain words what is wrong with its arguments', async () => {
    const place = await makePlace();
    writeTree(place.source, { a: 'a' });
    const { id } = await place.backup();
    for (const [args, text] of [
      [['restore', id, '--in-place', place.source, '--target', place.path('out')], 'Only one of'],
      [['restore', id, '--in-place', place.source, '--overwrite', 'always'], '--overwrite goes with'],
      [['restore', id, '--target', place.path('out'), '--delete'], '--delete goes with'],
      [['restore', id, '--target', place.path('out'), '--no-safety-backup'], '--no-safety-backup goes'],
      [['restore', '--target', place.path('out')], 'BACKUP is missing'],
      [['restore', id, '--resume', place.source], '--resume takes no BACKUP'],
      [['restore', id], '--in-place DIR'],
      [['restore', id, '--in-place', place.repository], 'lies in the repository'],
    ] as const) {
      const { error } = await place.json<ErrorJson>(2, ...args);
      expect(error.message).toContain(text);
    }
    const { error } = await place.json<ErrorJson>(1, 'restore', id, '--in-place', place.path('absent'));
    expect(error.code).toBe('TARGET_FAILED');
    expect(await place.json(0, 'restore', '--resume', place.source)).toMatchObject({ outcome: 'nothing' });
  });
});
