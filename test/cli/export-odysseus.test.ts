/** `nbak export --format odysseus-json`: what the Import of Odysseus takes. */

import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePlace, writeTree, type ErrorJson, type Json, type Place } from '../support/cli.js';
import { give } from '../support/export.js';

describe('exporting for Odysseus', () => {
  const SKILL = `---
name: open-pr
description: "Open a PR: from a branch"
version: 1.2.0
category: dev
tags: [git, "code, review"]
status: published
confidence: 0.91234
owner: ada
created: 2026-05-09T21:43:00Z
---

Some words before.

## When to Use

When a branch is done.

## Procedure

1. Push
2. Open
   and wait

## Pitfalls

- Draft state

## Constructor

More words.
`;

  /** A data directory of two users. */
  async function backUpData(place: Place): Promise<void> {
    const text = (value: unknown): string => JSON.stringify(value);
    writeTree(place.source, {
      'auth.json': text({ users: { ada: { hash: 'x' }, bob: { hash: 'y' } } }),
      'memory.json': text([
        { id: '1', text: 'likes tea', owner: 'ada' },
        { id: '2', text: 'likes coffee', owner: 'bob' },
        { id: '3', text: 'nobody’s' },
      ]),
      'presets.json': text({ calm: { temperature: 0.2 } }),
      'settings.json': text({
        theme: 'dark',
        max_tokens: 4096,
        brave_api_key: 'SECRET-1',
        empty_token: '',
        mail: { host: 'h', password: 'SECRET-2' },
      }),
      'features.json': text({ beta: true }),
      'user_prefs.json': text({
        _users: { ada: { lang: 'en', dav: 'enc:gAAAAAsecret' }, bob: { lang: 'de' } },
      }),
      'skills/dev/open-pr/SKILL.md': SKILL,
      'skills/_usage.json': text({ 'ada::open-pr': { uses: 7, last_used: 5 } }),
    });
    await place.backup();
  }

  it('writes what belongs to one user, as version 1', async () => {
    const place = await makePlace();
    await backUpData(place);
    const { path, ...result } = await give(place, 3, '--format', 'odysseus-json', '--user', 'ada');
    expect(basename(path)).toMatch(/^odysseus_backup_\d{8}_\d{6}\.json$/);
    expect(result.left).toEqual(['1 memories and skills that belong to no user']);
    expect(result.withheld).toEqual(['settings.brave_api_key', 'settings.mail', 'preferences.dav']);
    const content = JSON.parse(readFileSync(path, 'utf8')) as Json;
    const { exported_at: at, ...rest } = content;
    // Local time, here of Tokyo, without saying so.
    const { time } = await place.json<{ time: string }>(0, 'show', result.backup);
    expect(Date.parse(`${String(at)}+09:00`)).toBe(Date.parse(time));
    expect(rest).toMatchObject({
      version: 1,
      exported_by: 'ada',
      memories: [{ id: '1', text: 'likes tea', owner: 'ada' }],
      presets: { calm: { temperature: 0.2 } },
      settings: { theme: 'dark', max_tokens: 4096, empty_token: '' },
      features: { beta: true },
      preferences: { lang: 'en' },
    });
    expect(readFileSync(path, 'utf8')).not.toContain('SECRET');
    expect(content['skills']).toMatchObject([
      {
        id: 'open-pr',
        name: 'open-pr',
        description: 'Open a PR: from a branch',
        tags: ['git', 'code, review'],
        confidence: 0.912,
        when_to_use: 'When a branch is done.',
        procedure: ['Push', 'Open and wait'],
        pitfalls: ['Draft state'],
        body_extra: 'Some words before.\n\nMore words.',
        uses: 7,
      },
    ]);
  });

  it('has credentials where they were asked for', async () => {
    const place = await makePlace();
    await backUpData(place);
    const { path, withheld } = await give(
      place,
      3,
      ...['--format', 'odysseus-json', '--user', 'ada', '--include-secrets'],
    );
    expect(withheld).toEqual([]);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      settings: { brave_api_key: 'SECRET-1', mail: { password: 'SECRET-2' } },
      preferences: { dav: 'enc:gAAAAAsecret' },
    });
  });

  it('asks whose where there are several users, and takes the only one', async () => {
    const place = await makePlace();
    await backUpData(place);
    const several = await give<ErrorJson>(place, 2, '--format', 'odysseus-json');
    expect(several.error).toMatchObject({ code: 'USAGE_INVALID', details: { users: ['ada', 'bob'] } });
    const unknown = await give<ErrorJson>(place, 2, '--format', 'odysseus-json', '--user', 'eve');
    expect(unknown.error.code).toBe('USAGE_INVALID');
  });

  it('gives a user without preferences none, whatever their name', async () => {
    const place = await makePlace();
    writeTree(place.source, {
      'auth.json': '{"users":{"constructor":{}}}',
      'user_prefs.json': '{"_users":{}}',
    });
    await place.backup();
    const { path } = await give(place, 0, '--format', 'odysseus-json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      exported_by: 'constructor',
      preferences: {},
    });
  });

  it('makes version 1 of an imported export, of whichever version', async () => {
    const place = await makePlace();
    const file = place.path('odysseus_backup_20260501_123456.json');
    const sections = { memories: [{ text: 'tea', owner: 'ada' }], skills: [], settings: { theme: 'dark' } };
    const exported = { exported_at: '2026-05-01T12:34:56.000000', exported_by: 'ada' };
    writeFileSync(file, JSON.stringify({ version: 2, ...exported, ...sections, notes: [{ id: 'n' }] }));
    await place.nbak(0, 'import', file);
    const { path, left } = await give(place, 3, '--format', 'odysseus-json');
    expect(left).toEqual(['notes: version 1 has no place for it']);
    const content = JSON.parse(readFileSync(path, 'utf8')) as Json;
    expect(content).toMatchObject({ version: 1, exported_by: 'ada', ...sections });
    expect(content).not.toHaveProperty('notes');
  });

  it('takes everything of an instance without users', async () => {
    const place = await makePlace();
    writeTree(place.source, {
      'data/memory.json': JSON.stringify([{ text: 'a' }, { text: 'b' }]),
      'data/user_prefs.json': JSON.stringify({ lang: 'fr' }),
    });
    await place.backup();
    const { path } = await give(place, 0, '--format', 'odysseus-json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      exported_by: null,
      memories: [{ text: 'a' }, { text: 'b' }],
      preferences: { lang: 'fr' },
    });
  });
});
