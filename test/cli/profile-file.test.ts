/** Profiles that users write: what they do, and where what is wrong in them is said to be. */

import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makePlace, writeTree, type ErrorJson, type Place } from '../support/cli.js';

const MINE = `{
  // What I run.
  "name": "my-app",
  "title": "what I run",
  "rules": [
    { "paths": ["/cache/"], "treatment": "leave-out", "why": "fetched again" },
    { "paths": ["/token"], "treatment": "secret-on-request", "why": "a login" },
  ],
  "restoring": { "nextSteps": ["Start my-app again."] },
}
`;

async function withProfile(document: string | Uint8Array): Promise<Place> {
  const place = await makePlace();
  writeFileSync(place.path('mine.json'), document);
  writeTree(place.source, { 'cache/a': 'a', token: 't', notes: 'n' });
  return place;
}

describe('nbak backup --profile FILE', () => {
  it('captures by the rules of the file, and secrets only when asked', async () => {
    const place = await withProfile(MINE);
    const profile = ['--profile', place.path('mine.json')];
    const first = await place.json<{ profile: string; filesTotal: number; leftOut: readonly object[] }>(
      0,
      'backup',
      place.source,
      ...profile,
    );
    expect(first).toMatchObject({
      profile: 'my-app',
      filesTotal: 1,
      leftOut: [{ path: `${place.source}/token` }],
    });
    expect(await place.json(0, 'backup', place.source, ...profile, '--include-secrets')).toMatchObject({
      filesTotal: 2,
      leftOut: [],
    });
  });

  it.each([
    [
      'a word that is none of the choices',
      MINE.replace('"leave-out"', '"leave"'),
      6,
      /rules\[0\]\.treatment/,
    ],
    [
      'a field that is not known',
      MINE.replace('"why": "a login"', '"because": "a login", "why": ""'),
      7,
      /because/,
    ],
    ['a field that is missing', MINE.replace('  "title": "what I run",\n', ''), 1, /title/],
    [
      'a value of another type',
      MINE.replace('["Start my-app again."]', '"Start"'),
      9,
      /nextSteps must be a list/,
    ],
    ['the name of another profile', MINE.replace('my-app', 'nodyn'), 3, /name/],
    ['a pattern that takes back in', MINE.replace('/token', '!/token'), 7, /gitignore/],
    ['no JSON', MINE.replace('"rules":', 'rules:'), 5, /no JSON/],
    ['nothing', '', 1, /no JSON/],
  ])('refuses %s, and says in which line', async (_, document, line, message) => {
    const place = await withProfile(document);
    const { error } = await place.json<ErrorJson>(2, 'profiles', 'show', './mine.json');
    expect(error.code).toBe('USAGE_INVALID');
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ line });
  });

  it('refuses a file that is not there or is no text', async () => {
    const place = await withProfile(new Uint8Array([0x22, 0xff, 0x22]));
    for (const file of ['./mine.json', './other.json'])
      expect((await place.json<ErrorJson>(2, 'profiles', 'show', file)).error.code).toBe('USAGE_INVALID');
  });
});
