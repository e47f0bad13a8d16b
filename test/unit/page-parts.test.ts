/** Pages whose entries have more attributes than a page may hold. */

import { expect, it } from 'vitest';
import { pageParts } from '#nbak/backup/page-parts.js';
import type { PageEntry } from '#nbak/backup/page-builder.js';
import { decodePage, encodePage } from '#nbak/format/page.js';
import { LIMITS } from '#nbak/format/limits.js';
import type { EntryExtra } from '#nbak/format/entry.js';
import type { BytePath } from '#nbak/format/path.js';

const TIME = { seconds: 0, nanoseconds: 0 };
const OWNER = { uid: 0, user: '', gid: 0, group: '' };

function entry(name: string, extra: EntryExtra): PageEntry {
  return {
    draft: {
      path: name as BytePath,
      kind: 'file',
      mode: 0o600,
      size: 1e12,
      mtime: TIME,
      ctime: TIME,
      inode: 1n,
      digest: new Uint8Array(32),
      extra,
    },
    owner: OWNER,
    pieces: [],
  };
}

function nameOf(i: number): string {
  return `f${String(i).padStart(5, '0')}`;
}

it('entries with few attributes share a page', () => {
  const xattrs = [[Buffer.from('user.a'), Buffer.alloc(100)]] as const;
  const entries = Array.from({ length: 4096 }, (_, i) => entry(nameOf(i), { xattrs }));
  expect([...pageParts(entries)]).toEqual([entries]);
  expect([...pageParts([])]).toEqual([]);
});

it.each<[string, EntryExtra]>([
  ['a long value each', { xattrs: [[Buffer.from('user.a'), Buffer.alloc(60_000)]] }],
  [
    'thousands of holes each',
    { holes: Array.from({ length: 4096 }, (_, i) => [i * 1e7 + 1e10, 5000] as const) },
  ],
  [
    'thousands of short attributes each',
    {
      xattrs: Array.from(
        { length: 5000 },
        (_, i) => [Buffer.from(`user.${nameOf(i)}`), Buffer.of(1)] as const,
      ),
    },
  ],
])('with %s, no page exceeds its limits, and none is lost', (_, extra) => {
  const entries = Array.from({ length: 400 }, (_, i) => entry(nameOf(i), extra));
  const parts = [...pageParts(entries)];
  expect(parts.flat()).toEqual(entries);
  expect(parts.length).toBeGreaterThan(1);
  const [first = []] = parts;
  const raw = encodePage({
    type: 'entries',
    dedup: 1,
    children: [],
    blobs: [],
    owners: [OWNER],
    entries: first.map(({ draft }) => ({ ...draft, owner: 0, content: [] })),
  });
  expect(raw.length).toBeLessThan(LIMITS.pageRawBytes);
  expect(decodePage(raw)).toMatchObject({ type: 'entries' });
});
